// Unpacks the browser of the npm package into ./chromium, with the libraries and fonts that a bare machine lacks.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { brotliDecompressSync } from 'node:zlib'

const packed = path.join(import.meta.dirname, 'node_modules/@sparticuz/chromium/bin')
const folder = path.join(import.meta.dirname, 'chromium')

mkdirSync(folder, { recursive: true })
for (const name of ['al2023', 'fonts', 'swiftshader']) {
  execFileSync('tar', ['-x', '-C', folder], { input: brotliDecompressSync(readFileSync(path.join(packed, `${name}.tar.br`))) })
}
writeFileSync(path.join(folder, 'chromium'), brotliDecompressSync(readFileSync(path.join(packed, 'chromium.br'))))
chmodSync(path.join(folder, 'chromium'), 0o755)
// The package's own names folders of the service it was made for.
writeFileSync(
  path.join(folder, 'fonts.conf'),
  `<?xml version="1.0"?>
<fontconfig>
  <dir>${folder}/fonts</dir>
  <cachedir>${folder}/font-cache</cachedir>
</fontconfig>
`,
)
