/** A parameter of an operation of REST. */
export interface ApiParameter {
  readonly name: string
  readonly place: string
  readonly isRequired: boolean
  /** Its type in words, such as `integer` or `asc | desc`. */
  readonly type: string
  readonly description: string
}

/** An operation of REST, as its OpenAPI document describes it. */
export interface ApiOperation {
  readonly method: string
  readonly path: string
  readonly summary: string
  readonly description: string
  readonly parameters: readonly ApiParameter[]
  readonly responses: readonly { readonly status: string; readonly description: string; readonly types: string }[]
}

type Json = Readonly<Record<string, unknown>>

/** The operations of an OpenAPI document, in its order. */
export function readOperations(document: unknown): ApiOperation[] {
  return entriesOf(entry(document, 'paths')).flatMap(([path, item]) =>
    entriesOf(item).map(([method, operation]) => readOperation(method, path, operation)),
  )
}

/** A request of `operation` with curl: to `server`, with placeholders for what it requires. */
export function printCurl(operation: ApiOperation, server: string): string {
  const address = `${server}${operation.path}`
  return `curl --header "Authorization: Bearer $TOKEN" "${address}"`
}

function readOperation(method: string, path: string, operation: unknown): ApiOperation {
  const parameters = entry(operation, 'parameters')
  return {
    method: method.toUpperCase(),
    path,
    summary: text(entry(operation, 'summary')),
    description: text(entry(operation, 'description')),
    parameters: Array.isArray(parameters) ? parameters.map(readParameter) : [],
    responses: entriesOf(entry(operation, 'responses')).map(([status, response]) => ({
      status,
      description: text(entry(response, 'description')),
      types: entriesOf(entry(response, 'content'))
        .map(([type]) => type)
        .join(', '),
    })),
  }
}

function readParameter(parameter: unknown): ApiParameter {
  return {
    name: text(entry(parameter, 'name')),
    place: text(entry(parameter, 'in')),
    isRequired: entry(parameter, 'required') === true,
    type: nameType(entry(parameter, 'schema')),
    description: text(entry(parameter, 'description')),
  }
}

function nameType(schema: unknown): string {
  const values = entry(schema, 'enum')
  if (Array.isArray(values)) return values.map(String).join(' | ')
  const parts = entry(schema, 'anyOf')
  if (Array.isArray(parts)) return parts.map(nameType).join(' | ')
  const type = text(entry(schema, 'type'))
  if (type === 'array') return `${nameType(entry(schema, 'items'))}[]`
  const format = text(entry(schema, 'format'))
  return format === '' ? type : `${type} (${format})`
}

function entry(value: unknown, name: string): unknown {
  return isJson(value) ? value[name] : undefined
}

function entriesOf(value: unknown): [string, unknown][] {
  return isJson(value) ? Object.entries(value) : []
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null
}
