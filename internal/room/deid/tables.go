package deid

import (
	"math"
	"math/rand/v2"
	"sort"
	"strings"
)

// Share is one row of a public table: a name and how often it is drawn.
type Share struct {
	Name        string
	Probability float64
}

// AgeBand is one row of the public age table: ages From to To, both included,
// every age and day within it equally likely.
type AgeBand struct {
	From, To    int
	Probability float64
}

// table draws rows by integer weights, so that no machine's floating point
// decides who is called what.
type table struct {
	names []string
	upto  []int64 // cumulative weights
}

// zipf gives the name of rank r the weight r^(-5/4). The order of names is that
// of their frequency in the United States; the exponent is steeper than life,
// so that a frequency attack on a leaking index has every chance.
func zipf(names string) table {
	t := table{names: strings.Fields(names)}
	var sum int64
	for i := range t.names {
		r := float64(i + 1)
		sum += int64(1e9 / (r * math.Sqrt(math.Sqrt(r)))) // square roots are exact by IEEE 754, powers are not
		t.upto = append(t.upto, sum)
	}
	return t
}

func (t table) total() int64 { return t.upto[len(t.upto)-1] }

func (t table) draw(r *rand.Rand) int {
	n := r.Int64N(t.total())
	return sort.Search(len(t.upto), func(i int) bool { return t.upto[i] > n })
}

func (t table) shares() []Share {
	out := make([]Share, 0, len(t.names))
	last := int64(0)
	for i, n := range t.names {
		out = append(out, Share{n, float64(t.upto[i]-last) / float64(t.total())})
		last = t.upto[i]
	}
	return out
}

// FamilyNames is the public table of family names, most frequent first.
func FamilyNames() []Share { return zipf(familyNames).shares() }

// GivenNames is the public table of given names for "female" or "male", most
// frequent first. Both genders are equally likely.
func GivenNames(gender string) []Share {
	if gender == "female" {
		return zipf(femaleNames).shares()
	}
	return zipf(maleNames).shares()
}

// ageWeight is a row of the age table in thousandths.
type ageWeight struct{ from, to, weight int }

// ageTable follows the shape of the United States' population; it sums to 1000.
func ageTable() []ageWeight {
	return []ageWeight{{0, 4, 56}, {5, 9, 60}, {10, 14, 65}, {15, 19, 66}, {20, 24, 66}, {25, 29, 67}, {30, 34, 70},
		{35, 39, 67}, {40, 44, 63}, {45, 49, 60}, {50, 54, 63}, {55, 59, 65}, {60, 64, 64}, {65, 69, 55}, {70, 74, 44},
		{75, 79, 31}, {80, 84, 19}, {85, 89, 12}, {90, 99, 7}}
}

// Ages is the public age table.
func Ages() []AgeBand {
	rows := ageTable()
	total := 0
	for _, r := range rows {
		total += r.weight
	}
	out := make([]AgeBand, 0, len(rows))
	for _, r := range rows {
		out = append(out, AgeBand{r.from, r.to, float64(r.weight) / float64(total)})
	}
	return out
}

func drawAge(r *rand.Rand) int {
	rows := ageTable()
	total := 0
	for _, w := range rows {
		total += w.weight
	}
	n := r.IntN(total)
	for _, w := range rows {
		if n < w.weight {
			return w.from + r.IntN(w.to-w.from+1)
		}
		n -= w.weight
	}
	return 0
}

const familyNames = `Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez
Hernandez Lopez Gonzalez Wilson Anderson Thomas Taylor Moore Jackson Martin
Lee Perez Thompson White Harris Sanchez Clark Ramirez Lewis Robinson
Walker Young Allen King Wright Scott Torres Nguyen Hill Flores
Green Adams Nelson Baker Hall Rivera Campbell Mitchell Carter Roberts
Gomez Phillips Evans Turner Diaz Parker Cruz Edwards Collins Reyes
Stewart Morris Morales Murphy Cook Rogers Gutierrez Ortiz Morgan Cooper
Peterson Bailey Reed Kelly Howard Ramos Kim Cox Ward Richardson
Watson Brooks Chavez Wood James Bennett Gray Mendoza Ruiz Hughes
Price Alvarez Castillo Sanders Patel Myers Long Ross Foster Jimenez
Powell Jenkins Perry Russell Sullivan Bell Coleman Butler Henderson Barnes
Gonzales Fisher Vasquez Simmons Romero Jordan Patterson Alexander Hamilton Graham
Reynolds Griffin Wallace Moreno West Cole Hayes Bryant Herrera Gibson
Ellis Tran Medina Aguilar Stevens Murray Ford Castro Marshall Owens
Harrison Fernandez McDonald Woods Washington Kennedy Wells Vargas Henry Chen
Freeman Webb Tucker Guzman Burns Crawford Olson Simpson Porter Hunter
Gordon Mendez Silva Shaw Snyder Mason Dixon Munoz Hunt Hicks
Holmes Palmer Wagner Black Robertson Boyd Stone Salazar Fox Warren
Mills Meyer Rice Schmidt Garza Daniels Ferguson Nichols Stephens Soto
Weaver Ryan Gardner Payne Grant Dunn Kelley Spencer Hawkins Arnold`

const femaleNames = `Mary Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Karen Sarah
Lisa Nancy Sandra Betty Ashley Emily Kimberly Margaret Donna Michelle
Carol Amanda Melissa Deborah Stephanie Rebecca Sharon Laura Cynthia Dorothy
Amy Kathleen Angela Shirley Emma Brenda Pamela Nicole Anna Samantha
Katherine Christine Debra Rachel Carolyn Janet Maria Olivia Heather Helen
Catherine Diane Julie Victoria Joyce Lauren Kelly Christina Ruth Joan
Virginia Judith Evelyn Hannah Andrea Megan Cheryl Jacqueline Madison Teresa
Abigail Sophia Martha Sara Gloria Janice Kathryn Ann Isabella Judy
Charlotte Julia Grace Amber Alice Jean Denise Frances Danielle Marilyn
Natalie Beverly Diana Brittany Theresa Kayla Alexis Doris Lori Tiffany`

const maleNames = `James Robert John Michael David William Richard Joseph Thomas Christopher
Charles Daniel Matthew Anthony Mark Donald Steven Andrew Paul Joshua
Kenneth Kevin Brian Timothy Ronald George Jason Edward Jeffrey Ryan
Jacob Nicholas Gary Eric Jonathan Stephen Larry Justin Scott Brandon
Benjamin Samuel Gregory Alexander Patrick Frank Raymond Jack Dennis Jerry
Tyler Aaron Jose Adam Nathan Henry Zachary Douglas Peter Kyle
Noah Ethan Jeremy Christian Walter Keith Austin Roger Terry Sean
Gerald Carl Dylan Harold Jordan Jesse Bryan Lawrence Arthur Gabriel
Bruce Logan Billy Joe Alan Juan Elijah Willie Albert Wayne
Randy Mason Vincent Liam Roy Bobby Caleb Bradley Russell Lucas`
