import js from '@eslint/js'
import reactHooks from 'eslint-plugin-react-hooks'
import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

// Imports run one way: a folder of src/ imports from the folders named here, and from no other.
const SHARED = ['bar', 'charts', 'components', 'graphql', 'live', 'messages', 'model']
const PAGES = [
  'alerts',
  'api',
  'audit',
  'connect',
  'detail',
  'failures',
  'keys',
  'list',
  'overview',
  'webhooks',
  'workflow',
]
const IMPORTS = {
  graphql: [],
  // Its languages lie in folders of it.
  messages: ['messages.ts'],
  model: ['graphql', 'messages'],
  components: ['messages', 'model'],
  charts: ['components', 'messages', 'model'],
  live: ['messages', 'model'],
  session: ['components', 'messages', 'model'],
  // The bar of filter and time over the pages.
  bar: ['components', 'graphql', 'messages', 'model'],
  ...Object.fromEntries(PAGES.map((page) => [page, [...SHARED, 'session']])),
  // The command palette.
  palette: [...SHARED, 'session'],
  app: [...SHARED, ...PAGES, 'palette', 'session'],
  graphiql: ['components', 'messages', 'session', 'styles'],
}

// The models are plain functions, which tests run without a browser.
const FRAMEWORKS = [
  { group: ['react', 'react-dom', 'urql', '@urql/*', 'wouter'], message: 'Models use no framework.' },
  { regex: '^\\.\\./graphql/', allowTypeImports: true, message: 'Models use the types of the schema alone.' },
]

/** @param {[string, string[]]} entry */
function restrictImports([folder, allowed]) {
  const others = {
    regex: `^\\.\\./(?!(${allowed.join('|')})(/|$))`,
    message:
      allowed.length === 0
        ? `${folder}/ imports from no other folder.`
        : `${folder}/ imports from ${allowed.join(', ')} alone.`,
  }
  const patterns = folder === 'model' ? [others, ...FRAMEWORKS] : [others]
  return { files: [`src/${folder}/**`], rules: { 'no-restricted-imports': ['error', { patterns }] } }
}

export default defineConfig(
  { ignores: ['src/graphql/schema.generated.d.ts', 'node_modules'] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  reactHooks.configs.flat['recommended-latest'],
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'max-lines': ['error', { max: 300, skipComments: true, skipBlankLines: true }],
      'no-console': 'error',
    },
  },
  {
    files: ['src/model/**'],
    rules: {
      'no-restricted-globals': ['error', 'window', 'document', 'localStorage', 'location', 'history', 'fetch'],
    },
  },
  ...Object.entries(IMPORTS).map(restrictImports),
)
