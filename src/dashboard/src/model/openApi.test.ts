import { expect, test } from 'vitest'
import { printCurl, readOperations } from './openApi.ts'

const DOCUMENT = {
  paths: {
    '/executions': {
      get: {
        summary: 'List executions',
        parameters: [
          { name: 'limit', in: 'query', schema: { type: 'integer' }, description: 'How many.' },
          { name: 'status', in: 'query', schema: { type: 'array', items: { enum: ['failed', 'running'] } } },
          { name: 'since', in: 'query', required: true, schema: { anyOf: [{ type: 'string', format: 'date' }, {}] } },
        ],
        responses: { 200: { description: 'A page.', content: { 'application/json': {} } }, 401: {} },
      },
    },
  },
}

test('operations are read with the types of their parameters and what they answer', () => {
  const [operation] = readOperations(DOCUMENT)

  expect(operation?.method).toBe('GET')
  expect(operation?.parameters.map(({ name, type, isRequired }) => [name, type, isRequired])).toEqual([
    ['limit', 'integer', false],
    ['status', 'failed | running[]', false],
    ['since', 'string (date) | ', true],
  ])
  expect(operation?.responses).toEqual([
    { status: '200', description: 'A page.', types: 'application/json' },
    { status: '401', description: '', types: '' },
  ])
})

test.each([null, [], 'text', { paths: [] }, { paths: { '/a': 'b' } }])('of %j there are no operations', (document) => {
  expect(readOperations(document)).toEqual([])
})

test('an operation is a line of curl', () => {
  const [operation] = readOperations(DOCUMENT)

  expect(operation && printCurl(operation, 'https://own.test')).toBe(
    'curl --header "Authorization: Bearer $TOKEN" "https://own.test/executions"',
  )
})
