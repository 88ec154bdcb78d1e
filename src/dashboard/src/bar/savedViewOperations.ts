import { graphql, type ResultOf } from '../graphql/graphql.ts'

const VIEW = graphql(`
  fragment View on SavedView @_unmask {
    id
    name
    address
    isShared
    userId
  }
`)

/** The views that the viewer may see, and what they may do with them. */
export const SAVED_VIEWS = graphql(
  `
    query SavedViews {
      viewer {
        userId
        scopes
      }
      savedViews {
        ...View
      }
    }
  `,
  [VIEW],
)

/** A saved view as the menu shows it. */
export type SavedView = ResultOf<typeof VIEW>

/** Makes a view, or changes the one with the id. */
export const SAVE_VIEW = graphql(
  `
    mutation SaveView($input: SaveViewInput!) {
      saveView(input: $input) {
        savedView {
          ...View
        }
      }
    }
  `,
  [VIEW],
)

/** Deletes a view. */
export const DELETE_VIEW = graphql(`
  mutation DeleteView($id: ID!) {
    deleteView(id: $id) {
      deletedId
    }
  }
`)
