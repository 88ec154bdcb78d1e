/** Whether someone looks at the page. */
export interface Attention {
  isGiven: () => boolean
  /** Calls `listener` when it may have changed; returns a function that ends that. */
  subscribe: (listener: () => void) => () => void
}

/** The attention of the browser's user: the page is visible and has the focus. */
export const USER_ATTENTION: Attention = {
  isGiven: () => document.visibilityState === 'visible' && document.hasFocus(),
  subscribe: (listener) => {
    window.addEventListener('focus', listener)
    document.addEventListener('visibilitychange', listener)
    return () => {
      window.removeEventListener('focus', listener)
      document.removeEventListener('visibilitychange', listener)
    }
  },
}
