import { messages } from '../messages/messages.ts'

/** How people sign in to this server (`/config.json`). */
export interface Configuration {
  /** The path that lists the people of a demo; null elsewhere. */
  people: string | null
  /** The issuer that people sign in at; null without one. */
  issuer: string | null
  /** Whether GraphiQL is served. */
  graphiql: boolean
}

/** A person of the demo, whose token is for anyone at its machine. */
export interface Person {
  name: string
  /** What their token allows, for people. */
  may: string
  token: string
}

/** Reads `/config.json`. */
export function readConfiguration(): Promise<Configuration> {
  return fetchJson<Configuration>('/config.json')
}

/** Reads the people of the demo from `url`. */
export function readPeople(url: string): Promise<Person[]> {
  return fetchJson<Person[]>(url)
}

async function fetchJson<T>(url: string): Promise<T> {
  const response = await fetch(url, { headers: { accept: 'application/json' } })
  if (!response.ok) throw new Error(messages.session.status(response.status))
  return (await response.json()) as T
}
