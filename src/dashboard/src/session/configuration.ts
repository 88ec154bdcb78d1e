/** What the server tells about signing in (`/config.json`). */
export interface Configuration {
  /** Where the people of a demo are listed; null elsewhere. */
  people: string | null
  /** The issuer that people sign in at; null without one. */
  issuer: string | null
  /** Whether GraphiQL is served. */
  graphiql: boolean
}

/** Somebody whom anyone at the machine of a demo may be. */
export interface Person {
  name: string
  may: string
  token: string
}

/** Reads `/config.json`. */
export function readConfiguration(): Promise<Configuration> {
  return fetchJson<Configuration>('/config.json')
}

/** The people that `address` lists. */
export function readPeople(address: string): Promise<Person[]> {
  return fetchJson<Person[]>(address)
}

async function fetchJson<T>(address: string): Promise<T> {
  const answer = await fetch(address, { headers: { accept: 'application/json' } })
  if (!answer.ok) throw new Error(`The server answers with status ${answer.status}.`)
  return (await answer.json()) as T
}
