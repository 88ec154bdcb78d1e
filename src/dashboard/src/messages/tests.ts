import { pages } from './en/pages.ts'
import { setMessages } from './messages.ts'

// Tests of models load no page, which would bring its messages.
setMessages(pages)
