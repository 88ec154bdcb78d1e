/** What pages share. */
export const components = {
  cancel: 'Cancel',
  copy: 'Copy',
  copied: 'Copied',
  copyNamed: (name: string) => `Copy: ${name}`,
  done: 'Done',
  filterHint: 'As in the address of the list; empty for all that you may see.',
  filterPlaceholder: 'status:in(FAILED,TIMED_OUT) workflowName:startsWith(ci-)',
  loading: 'Loading …',
  save: 'Save',
  showMore: 'Show more',
  tryAgain: 'Try again',
  unreachable: 'The server cannot be reached. Check your connection; the page will try again.',
}
