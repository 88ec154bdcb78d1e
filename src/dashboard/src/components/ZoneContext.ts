import { createContext, use } from 'react'

/** The time zone in which the page shows times: an IANA name; undefined for that of the browser. */
export const ZoneContext = createContext<string | undefined>(undefined)

/** The time zone in which the page shows times, for the functions of `model/dates.ts`. */
export function useZone(): string | undefined {
  return use(ZoneContext)
}
