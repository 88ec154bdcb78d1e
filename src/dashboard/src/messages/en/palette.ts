/** The command palette. */
export const palette = {
  title: 'Command palette',
  label: 'Go to a page, view, workflow or execution, or do something',
  placeholder: 'Page, view, workflow, execution ID or action …',
  kinds: { execution: 'Execution', page: 'Pages', view: 'Saved views', workflow: 'Workflows', action: 'Actions' },
  language: (name: string) => `Language: ${name}`,
  zone: (name: string) => `Time zone: ${name}`,
  search: (text: string) => `Search executions: workflow contains “${text}”`,
}
