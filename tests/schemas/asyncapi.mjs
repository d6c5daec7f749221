// Prints what AsyncAPI's own parser has to say against the document on standard input, as a JSON list.
import { Parser } from '@asyncapi/parser'

const pieces = []
for await (const piece of process.stdin) pieces.push(piece)
const { document, diagnostics } = await new Parser().parse(Buffer.concat(pieces).toString())
const said = diagnostics.map(({ code, severity, path, message }) => ({ code, severity, path: path.join('/'), message }))
if (!document && !said.length) said.push({ code: 'unreadable', severity: 0, path: '', message: 'no document' })
console.log(JSON.stringify(said))
