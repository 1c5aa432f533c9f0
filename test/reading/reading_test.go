package reading

import "testing"

// Words whose syllables anybody can count.
func TestSyllables(t *testing.T) {
	for word, want := range map[string]int{"cat": 1, "table": 2, "people": 2, "record": 2, "makes": 1, "boxes": 2, "washed": 1, "wanted": 2, "little": 2, "the": 1,
		"medicine": 3, "action": 2, "idea": 3, "clinic": 2, "administrator": 5, "allergy": 3, "allergies": 3, "water": 2, "through": 1, "blood": 1, "cholesterol": 4, "pressure": 2,
		"diabetes": 4, "safely": 2, "careful": 2, "laboratory": 5, "physician": 3, "hospital": 3, "radiation": 4, "kidney’s": 2, "measured": 2, "insurance": 3, "vaccine": 2, "vaccines": 2,
		"immunization": 5, "heart": 1, "breathe": 1, "breathing": 2, "tried": 1, "carries": 2, "swollen": 2, "language": 2, "usual": 3, "headaches": 3} {
		if got := englishSyllables(word); got != want {
			t.Errorf("English %q: %d, want %d", word, got, want)
		}
	}
	for word, want := range map[string]int{"sol": 1, "casa": 2, "salud": 2, "médico": 3, "clínica": 3, "día": 2, "tienen": 2, "bien": 1, "medicina": 4, "que": 1, "guía": 2, "pingüino": 3,
		"aéreo": 4, "leer": 2, "poeta": 3, "hoy": 1, "y": 1, "ayer": 2, "ciudad": 2, "cuidado": 3, "sangre": 2, "oír": 2, "país": 2, "corazón": 3, "análisis": 4, "presión": 2, "huevo": 2,
		"ahora": 3, "riñón": 2, "quiere": 2, "azúcar": 3, "contraseña": 4, "muy": 1, "reúne": 3, "búho": 2, "vehículo": 4, "prohíbe": 3, "alergia": 3, "energía": 4} {
		if got := spanishSyllables(word); got != want {
			t.Errorf("Spanish %q: %d, want %d", word, got, want)
		}
	}
}

// The formulas, by hand: 6 words, 1 sentence, 6 syllables.
func TestScores(t *testing.T) {
	s := English().Measure("The cat sat on the mat.")
	if s.Words != 6 || s.Sentences != 1 || s.Syllables != 6 || s.Grade() > -1.4 || s.Grade() < -1.5 {
		t.Errorf("%+v %f", s, s.Grade())
	}
	s = Spanish().Measure("El sol sale hoy. La casa es azul.")
	if s.Words != 8 || s.Sentences != 2 || s.Syllables != 11 || s.Ease() < 120.2 || s.Ease() > 120.3 {
		t.Errorf("%+v %f", s, s.Ease())
	}
	if g := English().Measure("Notwithstanding contemporaneous considerations, administrators institutionalize accountability.").Grade(); g < 12 {
		t.Errorf("a text for lawyers has grade %.1f", g)
	}
}
