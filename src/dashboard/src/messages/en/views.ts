/** The saved views. */
export const views = {
  title: 'Views',
  none: 'No saved views yet',
  name: 'Name of the view',
  share: 'Share with everyone of the tenant',
  shared: 'shared',
  sharedBy: (user: string) => `shared by ${user}`,
  delete: (name: string) => `Delete view ${name}`,
  inBrowser: (count: number) =>
    count === 1 ? '1 view is saved in this browser alone.' : `${count} views are saved in this browser alone.`,
  move: 'Move to the server',
  forget: 'Delete',
}
