package catalog

import "testing"

const rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm"

// Names as charts of different systems write them. What names a second ingredient in
// any way, or looks like one of ours, must not get the words of one of ours alone: who
// takes acetaminophen with codeine would read nothing of an opioid.
func TestNoMedicineGetsTheWordsOfAnother(t *testing.T) {
	english := load(t).Language("en")
	for _, m := range []struct{ written, want string }{
		// Two ingredients without the slash that RxNorm writes.
		{"Acetaminophen 300 MG/Codeine 30 MG Oral Tablet", ""},
		{"Acetaminophen 300 mg and codeine 30 mg tablet", ""},
		{"Acetaminophen 325 MG, Hydrocodone 7.5 MG", ""},
		{"acetaminophen 325 mg-oxycodone 5 mg tablet", ""},
		{"Acetaminophen 500 MG with diphenhydramine", ""},
		{"Lisinopril 10 MG and hydrochlorothiazide 12.5 MG", ""},
		{"Losartan 50 MG HCTZ 12.5 MG", ""},
		{"lisinopril-hydrochlorothiazide 20-12.5 mg tablet", ""},
		{"amoxicillin 875 MG-clavulanate 125 MG", ""},
		{"Metformin 500 MG + sitagliptin 50 MG", ""},
		{"Hydrocodone-Acetaminophen 5-325 MG", ""},
		{"Acetaminophen 325 MG / Hydrocodone 7.5 MG", "Acetaminophen with hydrocodone"},
		{"HYDROcodone Bitartrate 7.5 MG / Acetaminophen 325 MG Oral Tablet", "Acetaminophen with hydrocodone"},
		{"acetaminophen 250 MG / aspirin 250 MG / caffeine 65 MG Oral Tablet", ""},
		{"pioglitazone 15 MG / metformin hydrochloride 500 MG Oral Tablet", ""},
		{"sumatriptan 85 MG / naproxen sodium 500 MG Oral Tablet", ""},
		{"lidocaine hydrochloride 10 MG/ML / EPINEPHrine 0.01 MG/ML Injectable Solution", ""},
		// Kinds of insulin.
		{"Insulin glargine 100 UNT/ML", "Insulin glargine"},
		{"3 ML insulin glargine 300 UNT/ML Pen Injector [Toujeo]", "Insulin glargine"},
		{"insulin glargine 100 UNT/ML / lixisenatide 0.033 MG/ML Pen Injector", ""},
		{"insulin lispro 25 UNT/ML / insulin lispro protamine, human 75 UNT/ML Injectable Suspension", ""},
		{"insulin lispro 100 UNT/ML KwikPen mix 75/25", ""},
		{"insulin lispro mix 50/50", ""},
		{"Insulin", ""}, {"insulin, regular, human 100 UNT/ML Injectable Solution", ""}, {"NPH insulin", ""}, {"HumuLIN N", ""},
		// Look-alikes and kin.
		{"hydrALAZINE hydrochloride 25 MG Oral Tablet", "Hydralazine 25 mg tablet"},
		{"hydrOXYzine hydrochloride 25 MG Oral Tablet", "Hydroxyzine 25 mg tablet"},
		{"predniSONE 20 MG Oral Tablet", "Prednisone 20 mg tablet"},
		{"prednisoLONE 5 MG Oral Tablet", "Prednisolone 5 mg tablet"},
		{"clonazePAM 0.5 MG Oral Tablet", "Clonazepam 0.5 mg tablet"},
		{"cloNIDine hydrochloride 0.1 MG Oral Tablet", "Clonidine 0.1 mg tablet"},
		{"glipiZIDE 5 MG Oral Tablet", "Glipizide 5 mg tablet"},
		{"glyBURIDE 5 MG Oral Tablet", "Glyburide 5 mg tablet"},
		{"busPIRone hydrochloride 10 MG Oral Tablet", "Buspirone 10 mg tablet"},
		{"traZODone hydrochloride 50 MG Oral Tablet", "Trazodone 50 mg tablet"},
		{"levocetirizine dihydrochloride 5 MG Oral Tablet", "Levocetirizine 5 mg tablet"},
		{"esomeprazole magnesium 20 MG Delayed Release Oral Capsule", "Esomeprazole 20 mg capsule"},
		{"hydroxyprogesterone caproate 250 MG/ML Injectable Solution", ""},
		// Salts that are the medicine themselves.
		{"Potassium", ""}, {"Iron", ""}, {"Calcium", ""}, {"potassium citrate 10 MEQ Extended Release Oral Tablet", ""},
		{"calcium acetate 667 MG Oral Capsule", ""}, {"magnesium sulfate 500 MG/ML Injection", ""}, {"ferrous gluconate 324 MG Oral Tablet", ""},
		{"zinc sulfate 220 MG Oral Capsule", ""}, {"lithium citrate 60 MG/ML Oral Solution", ""}, {"sodium phosphate", ""},
		// A number that belongs to the name.
		{"polyethylene glycol 400 0.25 % Ophthalmic Solution", ""},
		{"polyethylene glycol", ""},
		{"polyethylene glycol 3350 17000 MG Powder for Oral Solution", "Polyethylene glycol (laxative)"},
		// A tablet of this hormone is no birth control.
		{"medroxyPROGESTERone acetate 10 MG Oral Tablet", "Medroxyprogesterone 10 mg tablet"},
		// Brands alone, and what is not a name.
		{"Tylenol with codeine #3", ""}, {"Percocet", ""}, {"no metformin", ""}, {"metformin intolerance", ""}, {"metformin 500 MG (held)", ""},
	} {
		if w, _ := english.Word(Medicine, rxnorm, "0", m.written); w.Name != m.want {
			t.Errorf("%q: %q, want %q", m.written, w.Name, m.want)
		}
	}
}

// A strength that is read wrongly is a wrong dose, and "capsule" for one that is
// inhaled is swallowed.
func TestStrengthAndFormAreReadOrLeftOut(t *testing.T) {
	r := newMedicineNames()
	for _, m := range []struct{ written, strength, form string }{
		{"Metoprolol Succinate 50 MG 24HR Extended Release Oral Tablet", "50 mg", "long-tablet"},
		{"Metformin 500 mg XR tablet", "500 mg", "long-tablet"},
		{"metFORMIN 1,000 MG Oral Tablet", "1,000 mg", "tablet"},
		{"warfarin (2.5 mg) tablet", "2.5 mg", "tablet"},
		{"81 MG aspirin chewable tablet", "81 mg", "chewable"},
		{"alprazolam .5 mg tablet", "", "tablet"},
		{"alprazolam 0,5 mg tablet", "", "tablet"},
		{"metformin 1 000 mg tablet", "", "tablet"},
		{"acetaminophen 325-650 mg tablet", "", "tablet"},
		{"hydrocodone-acetaminophen 5-325 MG tablet", "", "tablet"},
		{"amoxicillin 250 MG/5ML", "", ""},
		{"warfarin 2.5 MG, then 5 MG tablet", "", "tablet"},
		{"estradiol 10 MCG Vaginal Tablet", "10 mcg", ""},
		{"nitroglycerin 0.4 MG Sublingual Tablet", "0.4 mg", ""},
		{"tiotropium 18 MCG Inhalation Capsule", "18 mcg", ""},
		{"lamotrigine 25 MG Tablet for Oral Suspension", "25 mg", ""},
	} {
		if s, f := r.strengthOf(m.written), r.formOf(m.written); s != m.strength || f != m.form {
			t.Errorf("%q: %q %q, want %q %q", m.written, s, f, m.strength, m.form)
		}
	}
}
