package deid

// ClinicName is the fictional clinic that all of these people visit.
const ClinicName = "Riverside Clinic"

// ClinicPhone is its telephone, in the block reserved for fiction.
const ClinicPhone = "503-555-0100"

// shared is the identifier space of resources that stand in every bundle.
const shared = "clinic"

const (
	orgClinic   = "organization/clinic"
	orgLab      = "organization/laboratory"
	orgHospital = "organization/hospital"
	locClinic   = "location/clinic"
	locHospital = "location/hospital"
	proChen     = "practitioner/doctor"
	proBrooks   = "practitioner/nurse"
	proIglesias = "practitioner/family-doctor"
)

// to refers to a shared resource with the name that people know it by.
func to(label string) ref {
	names := map[string]string{
		orgClinic: ClinicName, orgLab: "Riverside Lab", orgHospital: "Hill Street Hospital",
		locClinic: "Riverside Clinic, main house", locHospital: "Hill Street Hospital, ward 3",
		proChen: "Dr. Lillian Chen", proBrooks: "Samuel Brooks, RN", proIglesias: "Dr. Tomás Iglesias",
	}
	return ref{urn(uuid(shared, label)), names[label]}
}

func toPtr(label string) *ref { r := to(label); return &r }

func phone(number, use string) []contactPoint {
	return []contactPoint{{"phone", number, use}}
}

func mainStreet(line string) address {
	return address{Line: []string{line}, City: "Alder Bend", State: "OR", PostalCode: "00017", Country: "US"}
}

// writeClinic writes the shared resources. Nothing in them depends on the day
// or the patient, so that they are the same bytes in every bundle.
func writeClinic(b *bundleWriter) {
	writeHouse(b)
	writeOrganization(b, orgLab, "Riverside Lab", "503-555-0101", "3 River Street", toPtr(orgClinic))
	writeOrganization(b, orgHospital, "Hill Street Hospital", "503-555-0102", "80 Hill Street", nil)
	writeLocation(b, locClinic, orgClinic, ClinicPhone, "1 River Street")
	writeLocation(b, locHospital, orgHospital, "503-555-0102", "80 Hill Street")
	for _, s := range clinicians() {
		s.write(b)
	}
}

// writeHouse writes the clinic itself, the one shared resource that a patient of a population needs.
func writeHouse(b *bundleWriter) {
	writeOrganization(b, orgClinic, ClinicName, ClinicPhone, "1 River Street", nil)
}

func writeOrganization(b *bundleWriter, label, name, tel, street string, partOf *ref) {
	b.add(organizationResource{
		header:     head("Organization", shared, label),
		Identifier: []identifier{{System: "https://riverside-clinic.example/organization", Value: label}},
		Active:     true, Type: []concept{term("organization-type", "prov", "Healthcare Provider")},
		Name: name, Telecom: phone(tel, "work"), Address: []address{mainStreet(street)}, PartOf: partOf,
	})
}

func writeLocation(b *bundleWriter, label, org, tel, street string) {
	b.add(locationResource{
		header: head("Location", shared, label), Status: "active", Name: to(label).Display,
		Telecom: phone(tel, "work"), Address: mainStreet(street), ManagingOrgs: to(org),
	})
}

// clinician is a Practitioner with its one PractitionerRole.
type clinician struct {
	label, staff           string
	given, family          string
	prefix, suffix         string
	gender, tel            string
	roleCode, roleName     string // HL7 practitioner-role
	specialty, specialtyIs string // NUCC taxonomy
	text                   string // the name as people say it
}

func clinicians() []clinician {
	return []clinician{
		{proChen, "S-1001", "Lillian", "Chen", "Dr.", "MD", "female", "503-555-0103",
			"doctor", "Doctor", "207R00000X", "Internal Medicine Physician", "Dr. Lillian Chen"},
		{proBrooks, "S-1002", "Samuel", "Brooks", "", "RN", "male", "503-555-0104",
			"nurse", "Nurse", "163W00000X", "Registered Nurse", "Samuel Brooks, RN"},
		{proIglesias, "S-1003", "Tomás", "Iglesias", "Dr.", "MD", "male", "503-555-0105",
			"doctor", "Doctor", "207Q00000X", "Family Medicine Physician", "Dr. Tomás Iglesias"},
	}
}

func (c clinician) write(b *bundleWriter) {
	name := humanName{Use: "official", Text: c.text, Family: c.family, Given: []string{c.given}, Suffix: []string{c.suffix}}
	if c.prefix != "" {
		name.Prefix = []string{c.prefix}
	}
	b.add(practitionerResource{
		header: head("Practitioner", shared, c.label), Identifier: []identifier{{System: sysStaff, Value: c.staff}},
		Active: true, Name: []humanName{name}, Telecom: phone(c.tel, "work"), Gender: c.gender,
	})
	b.add(practitionerRoleResource{
		header: head("PractitionerRole", shared, c.label+"/role"), Active: true,
		Practitioner: to(c.label), Organization: to(orgClinic),
		Code:      []concept{term("practitioner-role", c.roleCode, c.roleName)},
		Specialty: []concept{{Coding: []coding{{sysNUCC, c.specialty, c.specialtyIs}}, Text: c.specialtyIs}},
		Location:  []ref{to(locClinic)}, Telecom: phone(c.tel, "work"),
	})
}
