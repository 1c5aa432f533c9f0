// Package reading measures how hard a text is to read: in English the grade of
// Flesch and Kincaid, in Spanish the ease of Fernández Huerta.
//
// It guarantees the same number for the same text, from counters of its own that are
// tested against words whose syllables are known. It never judges whether a text is
// true or kind: that takes a reader. Its tests hold every message, every page and every
// line of the word catalogue to the promised level, and short labels to a listed
// vocabulary.
package reading

import (
	"strings"
	"unicode"
)

// Score is what was counted in a text.
type Score struct {
	Words, Sentences, Syllables int
	Longest                     string // the sentence with the most words
}

// Language is how a language counts.
type Language struct {
	Tag       string
	Syllables func(word string) int
	// Known are words that these readers know from their work: each counts as two syllables at most.
	Known map[string]bool
}

// English counts English.
func English() Language { return Language{Tag: "en", Syllables: englishSyllables} }

// Spanish counts Spanish.
func Spanish() Language { return Language{Tag: "es", Syllables: spanishSyllables} }

// Measure counts texts, each of which is at least one sentence.
func (l Language) Measure(texts ...string) Score {
	var s Score
	longest := 0
	for _, text := range texts {
		for sentence := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(".!?…\n", r) }) {
			words := Words(sentence)
			if len(words) == 0 {
				continue
			}
			s.Sentences++
			s.Words += len(words)
			for _, w := range words {
				n := l.Syllables(w)
				if l.Known[w] {
					n = min(n, 2)
				}
				s.Syllables += n
			}
			if len(words) > longest {
				longest, s.Longest = len(words), strings.TrimSpace(sentence)
			}
		}
	}
	return s
}

// Grade is the school grade of Flesch and Kincaid: lower is easier.
func (s Score) Grade() float64 {
	if s.Words == 0 {
		return 0
	}
	return 0.39*float64(s.Words)/float64(s.Sentences) + 11.8*float64(s.Syllables)/float64(s.Words) - 15.59
}

// Ease is the ease of Fernández Huerta, from 0 to 100: higher is easier.
func (s Score) Ease() float64 {
	if s.Words == 0 {
		return 100
	}
	return 206.84 - 60*float64(s.Syllables)/float64(s.Words) - 1.02*float64(s.Words)/float64(s.Sentences)
}

// Words lists the words of a text in lower case; what has no letter is none.
func Words(text string) []string {
	var out []string
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' && r != '’'
	}) {
		if w = strings.Trim(w, "'’"); strings.ContainsFunc(w, unicode.IsLetter) {
			out = append(out, w)
		}
	}
	return out
}

// englishSyllables counts the groups of vowels that are heard. English spelling has no
// rule without exceptions: the frequent ones are listed.
func englishSyllables(word string) int {
	w := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(word), "’s"), "'s"))
	if n, known := englishExceptions()[w]; known {
		return n
	}
	if len(w) <= 3 {
		return 1
	}
	n, before := 0, false
	for i := range len(w) {
		v := strings.IndexByte("aeiouy", w[i]) >= 0
		if v && !before {
			n++
		}
		before = v
	}
	for _, heard := range []string{"ia", "iu", "eo", "io", "ua", "ying"} { // two vowels that are two syllables
		n += strings.Count(w, heard)
	}
	for _, one := range []string{"tion", "sion", "cious", "tious", "gious", "cial", "tial", "cian", "qua", "gua", "people", "geon"} {
		n -= strings.Count(w, one)
	}
	return max(n-silent(w), 1)
}

// silent counts the e at the end of a word, or before its last s or d, that nobody hears.
func silent(w string) int {
	stem, isPlural := strings.CutSuffix(w, "es")
	if isPlural {
		if strings.HasSuffix(stem, "s") || strings.HasSuffix(stem, "x") || strings.HasSuffix(stem, "z") || strings.HasSuffix(stem, "c") ||
			strings.HasSuffix(stem, "g") || strings.HasSuffix(stem, "ch") || strings.HasSuffix(stem, "sh") || strings.HasSuffix(stem, "i") || liquid(stem) {
			return 0
		}
		return 1
	}
	if stem, past := strings.CutSuffix(w, "ed"); past {
		if strings.HasSuffix(stem, "t") || strings.HasSuffix(stem, "d") || strings.HasSuffix(stem, "i") || strings.HasSuffix(stem, "e") || liquid(stem) {
			return 0
		}
		return 1
	}
	for _, behind := range []string{"ely", "eful", "eless", "ement"} { // safely, careful, useless, movement
		if strings.HasSuffix(w, behind) && len(w) > len(behind)+2 {
			return 1
		}
	}
	if stem, e := strings.CutSuffix(w, "e"); e && !liquid(stem) && !strings.HasSuffix(stem, "e") && !strings.HasSuffix(stem, "o") && !strings.HasSuffix(stem, "i") && !strings.HasSuffix(stem, "u") {
		return 1
	}
	return 0
}

// liquid reports whether an e after stem is heard: ta-ble, cen-tre.
func liquid(stem string) bool {
	n := len(stem)
	return n > 1 && stem[n-1] == 'l' && strings.IndexByte("aeiouylr", stem[n-2]) < 0
}

func englishExceptions() map[string]int {
	return map[string]int{"": 1, "area": 3, "being": 2, "business": 2, "clothes": 1, "create": 2, "created": 3, "diabetes": 4, "every": 2,
		"everyone": 3, "everything": 3, "family": 3, "idea": 3, "medicine": 3, "medicines": 3, "real": 1, "really": 2, "something": 2, "sometimes": 2,
		"someone": 2, "somebody": 3, "somewhere": 2, "people": 2, "science": 2, "society": 4, "the": 1, "whole": 1, "lives": 1, "used": 1, "uses": 2, "using": 2, "useful": 2,
		"before": 2, "therefore": 2, "likely": 2, "makes": 1, "made": 1, "are": 1, "were": 1, "here": 1, "there": 1, "where": 1, "else": 1, "home": 1,
		"once": 1, "one": 1, "two": 1, "any": 2, "away": 2, "very": 2, "body": 2, "only": 2, "many": 2, "eye": 1, "eyes": 1, "goes": 1, "does": 1, "shoes": 1,
		"quiet": 2, "diet": 2, "trial": 2, "vial": 2, "fluid": 2, "acid": 2, "acids": 2, "ovary": 3, "via": 2, "said": 1, "says": 1, "ago": 2, "also": 2, "into": 2, "onto": 2,
		"able": 2, "ear": 1, "ears": 1, "own": 1, "use": 1, "age": 1, "ate": 1, "ice": 1, "air": 1, "aid": 1, "arm": 1, "app": 1, "ask": 1, "end": 1, "our": 1, "out": 1,
		"movement": 2, "movements": 2, "statement": 2, "statements": 2, "agreement": 3, "element": 3, "elements": 3, "implement": 3, "moved": 1, "named": 1, "names": 1, "times": 1, "sides": 1,
		"hundred": 2, "naked": 2, "wicked": 2, "rotated": 3, "tired": 1, "hour": 1, "hours": 1, "fire": 1, "year": 1, "years": 1, "heart": 1, "heartbeat": 2, "sore": 1, "sores": 1,
		"oxygen": 3, "virus": 2, "viruses": 3, "biopsy": 3, "video": 3, "audio": 3, "radio": 3, "bacteria": 4, "insulin": 3, "period": 3, "periods": 3,
		"via-": 2, "usual": 3, "usually": 4, "manual": 3, "gradual": 3, "casual": 3, "actual": 3, "actually": 4, "annual": 3, "language": 2, "languages": 3, "guard": 1, "guards": 1, "guide": 1, "guides": 1,
		"please": 1, "since": 1, "while": 1, "these": 1, "those": 1, "cause": 1, "causes": 2, "because": 2, "close": 1, "closes": 2, "closed": 1, "change": 1, "changes": 2, "changed": 1, "someone’s": 2, "nobody": 3, "anybody": 4, "anything": 3, "anyone": 3,
		"passkey": 2, "passkeys": 2, "question": 2, "questions": 2, "various": 3, "previous": 3, "serious": 3, "curious": 3, "obvious": 3, "friend": 1, "friends": 1, "view": 1, "views": 1, "review": 2, "reviewed": 2, "reviews": 2, "seizure": 2, "seizures": 2, "measure": 2, "pressure": 2, "pressures": 2,
		"rename": 2, "renamed": 2, "reload": 2, "react": 2, "reacts": 2, "reaction": 3, "reading": 2, "really’s": 2, "cannot": 2, "itself": 2, "myself": 2, "yourself": 2, "themselves": 2, "safely": 2, "safety": 2, "server": 2, "servers": 2, "twelve": 1, "wives": 1,
		"vein": 1, "protein": 2, "proteins": 2, "lying": 2, "dying": 2, "buying": 2, "trying": 2, "drying": 2, "saying": 2, "paying": 2, "staying": 2, "playing": 2, "enjoying": 3,
		"ongoing": 3, "going": 2, "doing": 2, "seeing": 2, "poem": 2, "thyroid": 2, "steroid": 2, "opioid": 4, "opioids": 4, "id": 2, "ids": 2, "pin": 1, "url": 3, "sha": 1, "json": 2, "fhir": 1, "utf": 3}
}

// spanishSyllables counts the vowels that stand alone: Spanish is written as it is said.
func spanishSyllables(word string) int {
	w := []rune(strings.ToLower(word))
	n := 0
	var before rune // the vowel just before, 0 after a consonant
	for i, r := range w {
		v := vowel(w, i)
		switch {
		case v == 0:
			if r != 'h' { // the silent h does not part vowels: "ahu-mar" is a-hu-mar, "prohi-bir" is prohi-bir
				before = 0
			}
			continue
		case before == 0, strong(before) && strong(v), accented(before) && !accentedStrong(before), accented(v) && !accentedStrong(v):
			n++ // after a consonant, a hiatus of two strong ones, or a weak one with accent
		}
		before = v
	}
	return max(n, 1)
}

// vowel is the vowel that is heard at i, 0 for none.
func vowel(w []rune, i int) rune {
	r := w[i]
	switch {
	case strings.ContainsRune("aeioáéíóú", r):
		return r
	case r == 'y':
		if i == len(w)-1 { // "hoy", "y"; elsewhere it is a consonant
			return 'i'
		}
		return 0
	case r == 'ü':
		return 'u'
	case r == 'u':
		if i > 0 && i+1 < len(w) && strings.ContainsRune("eéií", w[i+1]) && (w[i-1] == 'q' || w[i-1] == 'g') {
			return 0 // "que", "guía": not heard
		}
		return 'u'
	default:
		return 0
	}
}

func strong(r rune) bool { return strings.ContainsRune("aeoáéó", r) }

func accented(r rune) bool { return strings.ContainsRune("áéíóú", r) }

func accentedStrong(r rune) bool { return strings.ContainsRune("áéó", r) }
