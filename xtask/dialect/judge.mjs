// Brings a document from OpenAPI 3.0 to 3.1 and back: `node judge.mjs DOCUMENT FOLDER`.
import { upgradeFromThreeToThreeOne } from '@scalar/openapi-upgrader/3.0-to-3.1'
import converter from '@apiture/openapi-down-convert'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'

const [document, folder] = process.argv.slice(2)
const upgraded = upgradeFromThreeToThreeOne(JSON.parse(readFileSync(document, 'utf8')))
// Without what JSON cannot hold.
const plain = JSON.parse(JSON.stringify(upgraded))
const back = new converter.Converter(plain).convert()
const write = (name, text) => writeFileSync(join(folder, name), text)
write('upgraded.json', JSON.stringify(plain))
write('upgraded.yaml', stringify(plain))
write('back.json', JSON.stringify(back))
