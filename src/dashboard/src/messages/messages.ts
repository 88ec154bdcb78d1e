import { en } from './en/index.ts'
import type { pages } from './en/pages.ts'

type Message<T> = T extends string
  ? string
  : T extends (...values: infer Values) => string
    ? (...values: Values) => string
    : { readonly [Name in keyof T]: Message<T[Name]> }

/** The catalogue of messages: every language has all that English has. */
export type Messages = Message<typeof en & typeof pages>

/**
 * The messages in the language of the page. They are loaded before the page, those of the pages in
 * `en/pages.ts` before the first of these, and stay: use them when something is
 * rendered, not when a module is loaded, so that tests may change the language.
 */
export let messages: Messages = en as Messages

/** Has `messages` speak `chosen`; what it does not have stays. */
export function setMessages(chosen: Partial<Messages>): void {
  messages = { ...messages, ...chosen }
}
