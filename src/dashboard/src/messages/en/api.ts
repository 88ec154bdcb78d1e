/** The documentation of REST. */
export const api = {
  title: 'REST API',
  pageTitle: 'REST API – Execution Monitor',
  hint: 'For programs that speak no GraphQL. The same as a document of OpenAPI 3.1:',
  failed: 'The description of the API could not be loaded. Reload the page to try again.',
  parameters: 'Parameters',
  responses: 'Responses',
  name: 'Name',
  type: 'Type',
  meaning: 'Meaning',
  status: 'Status',
  required: 'required',
}
