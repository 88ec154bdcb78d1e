import { createElement, lazy, useState, type ComponentType, type ReactNode } from 'react'
import { loadPageMessages } from '../messages/language.ts'

/** A page, or a large part of one, that is loaded when it is first visited, or by `load`. */
export interface LazyPage<Props> {
  (props: Props): ReactNode
  /** Loads the page, which is then shown without waiting. */
  load: () => Promise<unknown>
}

/** A page that is loaded with its messages, unless it has them with the frame. */
export function lazyPage<Props extends object>(
  load: () => Promise<{ default: ComponentType<Props> }>,
  loadMessages: () => Promise<void> = loadPageMessages,
): LazyPage<Props> {
  let loaded: ComponentType<Props> | null = null

  async function loadAll(): Promise<{ default: ComponentType<Props> }> {
    const [page] = await Promise.all([load(), loadMessages()])
    loaded = page.default
    return page
  }

  const Lazy = lazy(loadAll)

  function Page(props: Props): ReactNode {
    // Even where it is loaded, a lazy component shows its fallback first, and React keeps that for 300 ms.
    const [component] = useState(() => loaded ?? Lazy)
    return createElement(component, props)
  }
  Page.load = loadAll
  return Page
}
