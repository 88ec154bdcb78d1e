import { en } from './en/index.ts'

type Message<T> = T extends string
  ? string
  : T extends (...values: infer Values) => string
    ? (...values: Values) => string
    : { readonly [Name in keyof T]: Message<T[Name]> }

/** The catalogue of messages: every language has all that English has. */
export type Messages = Message<typeof en>

/**
 * The messages in the language of the page. They are loaded before the page and stay: use them when something is
 * rendered, not when a module is loaded, so that tests may change the language.
 */
export let messages: Messages = en

/** Has `messages` speak `chosen`. */
export function setMessages(chosen: Messages): void {
  messages = chosen
}
