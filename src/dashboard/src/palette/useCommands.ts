import { useEffect, useState } from 'react'
// The router's own hook decodes `%25` before the query is split.
import { navigate, useSearch as useQuery } from 'wouter/use-browser-location'
import { chooseZone } from '../bar/preferredZone.ts'
import { useSavedViews } from '../bar/useSavedViews.ts'
import { useScope } from '../bar/useScope.ts'
import { chooseTheme, THEMES, useTheme } from '../components/theme.ts'
import { useZone } from '../components/ZoneContext.ts'
import { useWorkflowNames } from '../graphql/useWorkflowNames.ts'
import { chooseLanguage, LANGUAGES, readLanguage, type Language } from '../messages/language.ts'
import { messages } from '../messages/messages.ts'
import { accountPagesFor } from '../model/accountPages.ts'
import type { Command, Kind } from '../model/palette.ts'
import { ALERTS_PATH, executionPath, failuresPath, listPath, overviewPath, workflowPath } from '../model/paths.ts'
import { printScope } from '../model/scope.ts'
import { nameStatus } from '../model/status.ts'
import { DEFAULT_VIEW, printView } from '../model/view.ts'
import { readConfiguration } from '../session/configuration.ts'
import { signOut } from '../session/session.ts'
import { useExecution } from './useExecution.ts'

const LOCAL_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone

/** All that the palette offers for `text`: pages, saved views, workflows, the execution of that id, and actions. */
export function useCommands(text: string, onHelp: () => void): readonly Command[] {
  const { views, viewer } = useSavedViews()
  const workflows = useWorkflowNames(text)
  const execution = useExecution(text)
  const actions = useActions(onHelp)
  const pages = usePages(viewer?.scopes ?? [])
  const found = execution && {
    path: executionPath(execution.executionId),
    name: execution.executionId,
    hint: `${execution.workflowName}, ${nameStatus(execution.status)}`,
  }
  return [
    ...(found === null ? [] : [link('execution', found)]),
    ...pages,
    ...(views ?? []).map(({ id, name, address, isShared, userId }) => {
      const hint = isShared && userId !== viewer?.userId ? messages.views.sharedBy(userId) : undefined
      return link('view', { path: address, name, hint }, id)
    }),
    ...workflows.map((name) => link('workflow', { path: workflowPath(name), name })),
    ...actions,
    ...(text === '' ? [] : [searchFor(text)]),
  ]
}

interface Target {
  path: string
  name: string
  hint?: string | undefined
}

function link(kind: Kind, { path, name, hint }: Target, id = path): Command {
  return { id: `${kind} ${id}`, kind, name, hint, run: () => navigate(path) }
}

/** The list of the executions whose workflow's name contains `text`. */
function searchFor(text: string): Command {
  const filter = { field: 'workflowName', operator: 'contains', values: [text] } as const
  return link('action', { path: listPath(printView({ ...DEFAULT_VIEW, filter })), name: messages.palette.search(text) })
}

function usePages(scopes: readonly string[]): Command[] {
  const { scope } = useScope()
  const [hasGraphiQL, setGraphiQL] = useState(false)
  useEffect(() => {
    readConfiguration()
      .then(({ graphiql }) => setGraphiQL(graphiql))
      .catch(() => undefined)
  }, [])
  const query = printScope(scope)
  const { app, alerts } = messages
  const pages = [
    { path: overviewPath(query), name: app.overview },
    { path: listPath(query), name: app.executions },
    { path: failuresPath(query), name: app.failures },
    ...(scopes.includes('executions:read') ? [{ path: ALERTS_PATH, name: alerts.title }] : []),
    ...accountPagesFor(scopes),
  ]
  return [
    ...pages.map((page) => link('page', page)),
    // A page of its own.
    ...(hasGraphiQL
      ? [{ id: 'page graphiql', kind: 'page', name: 'GraphiQL', run: () => location.assign('/graphiql') } as const]
      : []),
  ]
}

function useActions(onHelp: () => void): Command[] {
  const theme = useTheme()
  const zone = useZone()
  const query = useQuery()
  const { change } = useScope()
  const { app, bar, palette } = messages
  const action = (id: string, name: string, run: () => void): Command => ({ id, kind: 'action', name, run })
  const show = (chosen: string | null) => () => {
    chooseZone(chosen)
    // The zone of the address comes before the chosen one.
    if (new URLSearchParams(query).has('zone')) change({ zone: chosen })
  }
  return [
    ...THEMES.filter((each) => each !== theme).map((each) =>
      action(each, app.theme(app.themes[each]), () => chooseTheme(each)),
    ),
    ...(Object.keys(LANGUAGES) as Language[])
      .filter((each) => each !== readLanguage())
      .map((each) => action(each, palette.language(LANGUAGES[each]), () => chooseLanguage(each))),
    ...(zone === 'UTC' ? [] : [action('utc', palette.zone('UTC'), show('UTC'))]),
    ...(zone === undefined ? [] : [action('local', palette.zone(bar.localTime(LOCAL_ZONE)), show(null))]),
    action('help', app.shortcuts, onHelp),
    action('signOut', app.signOut, () => signOut()),
  ]
}
