import { Kind, parse, type DocumentNode, type OperationDefinitionNode } from 'graphql'

interface Asked {
  query: string
  operationName?: string | null
}

/**
 * `asked` with the name of its only operation, and the document that it is. GraphiQL reads what a tab holds some moments
 * after it has opened it: whoever runs it at once would ask for an operation of the tab before.
 */
export function withOperationName<A extends Asked>(asked: A): { asked: A; document: DocumentNode | null } {
  const document = read(asked.query)
  const operations = document?.definitions.filter(isOperation) ?? []
  const [only] = operations
  return only === undefined || operations.length > 1
    ? { asked, document }
    : { asked: { ...asked, operationName: only.name?.value ?? null }, document }
}

function read(query: string): DocumentNode | null {
  try {
    return parse(query)
  } catch {
    // The server says what is wrong with it.
    return null
  }
}

function isOperation(node: DocumentNode['definitions'][number]): node is OperationDefinitionNode {
  return node.kind === Kind.OPERATION_DEFINITION
}
