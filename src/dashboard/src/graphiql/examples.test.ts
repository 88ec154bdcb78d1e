import { readFileSync } from 'node:fs'
import path from 'node:path'
import { buildSchema, parse, validate } from 'graphql'
import { expect, test } from 'vitest'
import { EXAMPLES } from './examples.ts'

const SCHEMA = buildSchema(readFileSync(path.resolve(import.meta.dirname, '../../../../schema.graphql'), 'utf-8'))

test.each(EXAMPLES.map((example) => [/(query|subscription) (\w+)/.exec(example.query)?.[2], example] as const))(
  '%s is valid',
  (_, { query, variables }) => {
    expect(validate(SCHEMA, parse(query))).toEqual([])
    expect(typeof JSON.parse(variables ?? '{}')).toBe('object')
  },
)
