// Package records is the room of the charts: what a FHIR R4 resource is to
// Postern, to whose chart it belongs, how a bundle becomes part of one, how a
// chart is searched and what a page shows of it.
//
// It owns the definitions of the resource types, the import plan, the register of
// sources, the chart's index and manifest, the search parameters and the typed
// views. A resource is kept as the JSON that was received: tokens, order and the
// written form of every number unchanged, apart from white space, the identifiers
// that Postern assigns and the metadata that only Postern may state.
//
// It guarantees that
//   - a type without a compartment or an explicit shared mark stops the start
//     (CheckDefinitions), so no type can miss the patient filter;
//   - a bundle adds to one chart or is refused with file position: every
//     resource belongs to the bundle's one Patient, every reference resolves
//     inside the chart or to shared resources, and nothing of another chart is
//     reachable or changeable through it;
//   - the name of a source that somebody deletes, puts in or exchanges in the
//     database is found by the next import that asks for it;
//   - a search answers of one chart, and what comes along with it is of that chart or
//     shared, each under its own decision; a parameter that is not known is refused,
//     and no address that it emits says what was asked;
//   - nothing that a file says about its own security, version or provenance is
//     believed;
//   - what a page gets has passed Visible, so hidden characters show, and it is
//     phi.Text, so it cannot be logged.
//
// It never fetches a URL, never renders narrative, never turns a number into a
// float on the way to storage, and never names a value of the input in an error.
package records
