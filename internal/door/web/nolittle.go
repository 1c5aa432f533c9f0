package web

import "postern.example/postern/internal/room/records"

// noLittle says on which side of its range a test is never called "a little" off: a page
// says plainly above or below. It holds where a distance that looks small on the range can
// ask for an act on the same day, so that soothing words would do harm, and for a test that
// we do not know. What the laboratory marks as critical says more, and wins (view.Assess).
//
// The reasons are those of common lists of critical values and of guidelines for the
// public; no clinician has reviewed the list (docs/roadmap.md). A code that stands here
// in vain costs a word, one that is missing says "a little" up to a quarter beyond a bound.
func noLittle(c records.Coded) (below, above bool) {
	if c.System.Reveal() != loinc {
		return true, true // without a code that we know it may be any of them
	}
	switch c.Code.Reveal() {
	case "2823-3", "6298-4", "77142-8", "39789-3", "32713-0":
		return true, true // potassium: 5.5 and 3.0 change the heart's rhythm, and a quarter of 3.5 to 5.1 reaches both
	case "2951-2", "2947-0", "77139-4", "39791-9", "32717-1":
		return true, true // sodium: a fall below 133 confuses and makes people fall; a quarter reaches 132.5
	case "17861-6", "2000-8", "49765-1", "1994-3", "1995-0", "29265-6":
		return true, true // calcium, total and free: the body holds it within narrow bounds
	case "19123-9", "2601-3":
		return true, true // magnesium: low it unsettles the heart, and potassium with it
	case "2744-1", "2746-6", "11558-4", "2745-8":
		return true, true // acid of the blood: 7.35 to 7.45 is the whole range, 7.33 is an acidosis
	case "6301-6", "34714-6", "5902-2", "5964-2", "14979-9", "3173-2":
		return true, true // clotting: above bleeds, below clots, and the dose follows it
	case "2345-7", "2339-0", "41653-7", "14743-9", "2340-8", "32016-8", "1558-6", "14771-0", "53049-3", "14749-6", "15074-8":
		return true, false // blood sugar: below its range it acts within minutes; above, it is a matter of weeks
	case "718-7", "59260-0", "20509-6", "30313-1", "30350-3":
		return true, true // hemoglobin: a fall of two may be a bleeding
	case "777-3", "26515-7", "778-1":
		return true, true // platelets: a quarter of 150 to 400 reaches 88, where one asks before an operation
	case "751-8", "26499-4", "753-4", "6690-2", "26464-8", "804-5":
		return true, false // neutrophils and white cells: low, with fever, is an emergency
	case "10839-9", "89579-7", "6598-7", "67151-1", "49563-0", "42757-5":
		return true, true // troponin: any value above its bound may be a heart attack
	case "2160-0", "38483-4", "14682-9", "59826-8":
		return false, true // creatinine: a rise by a quarter is nearly what is called acute injury of the kidney
	case "33914-3", "48642-3", "48643-1", "62238-1", "69405-9", "77147-7", "88293-6", "88294-4", "98979-8", "98980-6":
		return true, false // filtering of the kidneys: it says the same as creatinine
	case "3016-3", "11580-8":
		return true, false // TSH: nearly nothing of it is a strong sign, and the range ends close to nothing; above, a little is mild
	case "59408-5", "2708-6", "2713-6", "2703-7":
		return true, false // oxygen: the last points before the bound are where care begins
	case "2524-7", "32693-4":
		return false, true // lactate: a small rise may be the first sign of a bad infection
	case "14334-7", "10535-3":
		return false, true // lithium and digoxin: the dose that helps and the one that harms lie close together
	}
	return false, false
}
