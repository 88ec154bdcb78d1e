import type { graphql } from './graphql.ts'
import type { introspection } from './schema.generated.d.ts'

/** The TypeScript type of the enum, scalar or input type `Name` of `schema.graphql`. */
export type SchemaType<Name extends string> = ReturnType<typeof graphql.scalar<Name>>

type IntrospectedType = introspection['__schema']['types'][number]

type InputField<Input extends string> =
  Extract<IntrospectedType, { name: Input }> extends { inputFields: infer Fields extends readonly unknown[] }
    ? Fields[number]
    : never

/** The names of the fields of the input type `Input`. */
export type InputFieldName<Input extends string> =
  InputField<Input> extends { name: infer Name extends string } ? Name : never

/** The fields of `Input` that are input types themselves, each with the name of its type. */
export type NestedInputs<Input extends string> = {
  [
    Field in InputField<Input> as Field extends { name: infer Name extends string; type: { kind: 'INPUT_OBJECT' } }
      ? Name
      : never
  ]: Field extends { type: { name: infer Type extends string } } ? Type : never
}
