import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { EXAMPLE, printRecipe, RECIPES } from './recipes.ts'

const DOCUMENTS = ['ingest.md', 'openlineage.md'].map((name) =>
  readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')
    .replaceAll('"$EXECUTION_MONITOR/', `"${EXAMPLE.url}/`)
    .replaceAll('$EXECUTION_MONITOR_KEY', EXAMPLE.key)
    .replaceAll('em_0123456789ab_EXAMPLE', EXAMPLE.key),
)

test.each(RECIPES)('each line for $title stands in the documentation, which is tested with the client', (recipe) => {
  const missing = recipe.lines.filter((line) => !DOCUMENTS.some((text) => text.split('\n').includes(line)))

  expect(missing).toEqual([])
})

test('the address of the server and the key take the places of the examples', () => {
  for (const recipe of RECIPES) {
    const printed = printRecipe(recipe, 'https://own.test', 'em_1_$&')

    expect(printed).toContain('https://own.test')
    expect(printed).toContain('em_1_$&')
    expect(printed).not.toContain(EXAMPLE.key)
    expect(printed).not.toContain(EXAMPLE.url)
  }
})
