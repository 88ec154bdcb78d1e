import { messages, setMessages, type Messages } from './messages.ts'

/** The languages of the page, by the codes of BCP 47, with their own names. */
export const LANGUAGES = { en: 'English', vi: 'Tiếng Việt' } as const
export type Language = keyof typeof LANGUAGES

const KEY = 'execution-monitor.language'
// Catalogues other than English, which is part of the page.
const LOADERS: Partial<Record<Language, () => Promise<Messages>>> = {
  vi: async () => (await import('./vi/index.ts')).vi,
}
const RIGHT_TO_LEFT = new Set(['ar', 'fa', 'he', 'ur'])

/** The language that was chosen in this browser, or the first that the browser prefers and the page has. */
export function readLanguage(): Language {
  const chosen = localStorage.getItem(KEY)
  const preferred = [...(chosen === null ? [] : [chosen]), ...navigator.languages]
  return preferred.map((each) => each.split('-')[0] ?? '').find(isLanguage) ?? 'en'
}

/** Load the messages of the language, and tell the document. */
export async function loadLanguage(language: Language = readLanguage()): Promise<void> {
  const load = LOADERS[language]
  if (load !== undefined) setMessages(await load())
  document.documentElement.lang = language
  document.documentElement.dir = RIGHT_TO_LEFT.has(language) ? 'rtl' : 'ltr'
}

/** Load the messages of the pages that are not part of the first load, unless they are there. */
export async function loadPageMessages(): Promise<void> {
  if (!('webhooks' in messages)) setMessages((await import('./en/pages.ts')).pages)
}

/** Have the page speak `language` from now on: it is loaded again. */
export function chooseLanguage(language: Language): void {
  localStorage.setItem(KEY, language)
  location.reload()
}

function isLanguage(text: string): text is Language {
  return text in LANGUAGES
}
