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
  graphql: ['messages'],
  // Its languages lie in folders of it.
  messages: ['messages.ts'],
  model: ['graphql', 'messages'],
  components: ['messages', 'model'],
  charts: ['components', 'messages', 'model'],
  live: ['components', 'graphql', 'messages', 'model'],
  session: ['components', 'messages', 'model'],
  // The bar of filter and time over the pages.
  bar: ['components', 'graphql', 'messages', 'model'],
  ...Object.fromEntries(PAGES.map((page) => [page, [...SHARED, 'session']])),
  // An empty list connects an engine.
  list: [...SHARED, 'session', 'connect'],
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

// Texts for people are in the catalogue, in every language. Code is the same in each, and so are addresses.
const TEXT = String.raw`/^(?!https?:).*\p{L}{2}/su`
const TEXT_ATTRIBUTES =
  '/^(aria-description|aria-label|aria-roledescription|aria-valuetext|action|alt|hint|label|placeholder|title)$/'
// A component shows its name; an element of HTML does not, nor does an icon.
const ATTRIBUTES = [
  `JSXAttribute[name.name=${TEXT_ATTRIBUTES}]`,
  'JSXOpeningElement[name.name=/^(?!Icon$)[A-Z]/] > JSXAttribute[name.name="name"]',
]
const WRITTEN = [
  `> Literal[value=${TEXT}]`,
  `> JSXExpressionContainer > Literal[value=${TEXT}]`,
  `> JSXExpressionContainer > LogicalExpression > Literal[value=${TEXT}].right`,
  `> JSXExpressionContainer > ConditionalExpression > Literal[value=${TEXT}].consequent`,
  `> JSXExpressionContainer > ConditionalExpression > Literal[value=${TEXT}].alternate`,
  `> JSXExpressionContainer > TemplateLiteral > TemplateElement[value.raw=${TEXT}]`,
]
const TEXTS = [
  `JSXElement:not([openingElement.name.name="code"]) > JSXText[value=${TEXT}]`,
  `JSXFragment > JSXText[value=${TEXT}]`,
  ...[...ATTRIBUTES, 'JSXElement', 'JSXFragment'].flatMap((place) => WRITTEN.map((written) => `${place} ${written}`)),
  // Sentences, such as those of errors.
  String.raw`Literal[value=/^\p{Lu}\p{L}*[ ,].*[.!?…]$/u]`,
  String.raw`TemplateLiteral[quasis.0.value.raw=/^\p{Lu}\p{L}* \p{Ll}/u]`,
].map((selector) => ({ selector, message: 'Texts belong into src/messages, in every language.' }))
// Time runs from left to right in every language; everything else follows the direction of the language.
const DIRECTIONS = {
  selector: 'JSXAttribute[name.name="style"] Property[key.name=/^(left|right|(margin|padding|border)(Left|Right).*)$/]',
  message: 'Use the logical property, such as insetInlineStart, so that languages from right to left can be added.',
}

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
  {
    files: ['src/**'],
    ignores: ['src/messages/**', 'src/**/*.test.ts'],
    rules: { 'no-restricted-syntax': ['error', ...TEXTS, DIRECTIONS] },
  },
  ...Object.entries(IMPORTS).map(restrictImports),
)
