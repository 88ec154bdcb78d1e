import { Kind, parse, type DocumentNode, type OperationDefinitionNode } from 'graphql'

interface Request {
  query: string
  operationName?: string | null
}

/**
 * Sets `operationName` of `request` to its only operation, and parses its document.
 *
 * GraphiQL parses a tab some moments after it has opened it. A query that is run before then would have the operation name
 * of the previous tab.
 */
export function withOperationName<R extends Request>(request: R): { request: R; document: DocumentNode | null } {
  const document = parseOrNull(request.query)
  const operations = document?.definitions.filter(isOperation) ?? []
  const [only] = operations
  return only === undefined || operations.length > 1
    ? { request, document }
    : { request: { ...request, operationName: only.name?.value ?? null }, document }
}

function parseOrNull(query: string): DocumentNode | null {
  try {
    return parse(query)
  } catch {
    // The server reports the syntax error.
    return null
  }
}

function isOperation(node: DocumentNode['definitions'][number]): node is OperationDefinitionNode {
  return node.kind === Kind.OPERATION_DEFINITION
}
