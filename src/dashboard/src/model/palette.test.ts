import { expect, test } from 'vitest'
import { findCommands, type Command, type Kind } from './palette.ts'

function command(kind: Kind, name: string, hint?: string): Command {
  return { id: `${kind} ${name}`, kind, name, hint, run: () => undefined }
}

function namesOf(commands: readonly Command[], text: string): string[] {
  return findCommands(commands, text).map(({ name }) => name)
}

test('kinds have an order, and names that begin with the text come first', () => {
  const commands = [
    command('action', 'Theme: dark'),
    command('workflow', 'hourly-etl'),
    command('workflow', 'metlife'),
    command('workflow', 'etl-nightly'),
    command('page', 'Executions', 'etl'),
  ]
  expect(namesOf(commands, 'etl')).toEqual(['Executions', 'etl-nightly', 'hourly-etl', 'metlife'])
  expect(namesOf(commands, '')).toEqual(['Executions', 'hourly-etl', 'metlife', 'etl-nightly', 'Theme: dark'])
})

test('all words have to be there, in any order, of the name or of what is said about it', () => {
  const commands = [command('execution', 'run-7', 'ci-pipeline, Failed'), command('execution', 'run-8', 'billing')]
  expect(namesOf(commands, 'failed run')).toEqual(['run-7'])
  expect(namesOf(commands, 'failed billing')).toEqual([])
})

test('accents and case make no difference', () => {
  const commands = [command('page', 'Nhật ký kiểm toán'), command('action', 'Đăng xuất')]
  expect(namesOf(commands, 'NHAT ky')).toEqual(['Nhật ký kiểm toán'])
  expect(namesOf(commands, 'dang')).toEqual(['Đăng xuất'])
  expect(namesOf(commands, 'đăng')).toEqual(['Đăng xuất'])
})

test('there are at most eight workflows, and five before anything is typed', () => {
  const commands = Array.from({ length: 20 }, (_, number) => command('workflow', `w${number}`))
  expect(findCommands(commands, 'w')).toHaveLength(8)
  expect(findCommands(commands, ' ')).toHaveLength(5)
})
