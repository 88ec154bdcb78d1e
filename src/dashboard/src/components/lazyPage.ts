import { lazy, type ComponentType } from 'react'
import { loadPageMessages } from '../messages/language.ts'

/** A page, or a large part of one, that is loaded with its messages when it is first visited. */
export function lazyPage<Props>(load: () => Promise<{ default: ComponentType<Props> }>) {
  return lazy(async () => {
    const [page] = await Promise.all([load(), loadPageMessages()])
    return page
  })
}
