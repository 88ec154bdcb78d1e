import { initGraphQLTada } from 'gql.tada'
import type { introspection } from './schema.generated.d.ts'

/** Parses a GraphQL document; its result and variables are typed by `schema.graphql`. */
export const graphql = initGraphQLTada<{
  introspection: introspection
  scalars: { BigInt: number; DateTime: string; JSON: unknown }
}>()

export type { FragmentOf, ResultOf, VariablesOf } from 'gql.tada'
export { readFragment } from 'gql.tada'
