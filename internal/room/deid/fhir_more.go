package deid

import "encoding/json"

// The types around the visits: plans, people, papers and money. As in fhir.go
// they exist to be written, never read.

type relatedPersonResource struct {
	header
	Active       bool           `json:"active"`
	Patient      ref            `json:"patient"`
	Relationship []concept      `json:"relationship"`
	Name         []humanName    `json:"name"`
	Telecom      []contactPoint `json:"telecom,omitempty"`
	Gender       string         `json:"gender,omitempty"`
}

type teamMember struct {
	Role   []concept `json:"role,omitempty"`
	Member ref       `json:"member"`
}

type careTeamResource struct {
	header
	Status      string       `json:"status"`
	Name        string       `json:"name"`
	Subject     ref          `json:"subject"`
	Period      *period      `json:"period,omitempty"`
	Participant []teamMember `json:"participant"`
}

type goalTarget struct {
	Measure  *concept  `json:"measure,omitempty"`
	Quantity *quantity `json:"detailQuantity,omitempty"`
	Words    string    `json:"detailString,omitempty"`
	DueDate  string    `json:"dueDate,omitempty"`
}

type goalResource struct {
	header
	LifecycleStatus   string       `json:"lifecycleStatus"`
	AchievementStatus *concept     `json:"achievementStatus,omitempty"`
	Description       concept      `json:"description"`
	Subject           ref          `json:"subject"`
	StartDate         string       `json:"startDate"`
	Target            []goalTarget `json:"target,omitempty"`
	StatusDate        string       `json:"statusDate"`
	ExpressedBy       *ref         `json:"expressedBy,omitempty"`
	Addresses         []ref        `json:"addresses,omitempty"`
	Note              []annotation `json:"note,omitempty"`
}

type activityDetail struct {
	Status      string `json:"status"`
	Scheduled   string `json:"scheduledString,omitempty"`
	Performer   []ref  `json:"performer,omitempty"`
	Description string `json:"description"`
}

type activity struct {
	Detail activityDetail `json:"detail"`
}

type carePlanResource struct {
	header
	Status      string       `json:"status"`
	Intent      string       `json:"intent"`
	Category    []concept    `json:"category"`
	Title       string       `json:"title"`
	Description string       `json:"description,omitempty"`
	Subject     ref          `json:"subject"`
	Period      period       `json:"period"`
	Created     string       `json:"created"`
	Author      *ref         `json:"author,omitempty"`
	CareTeam    []ref        `json:"careTeam,omitempty"`
	Addresses   []ref        `json:"addresses,omitempty"`
	Goal        []ref        `json:"goal,omitempty"`
	Activity    []activity   `json:"activity,omitempty"`
	Note        []annotation `json:"note,omitempty"`
}

type attachment struct {
	ContentType string `json:"contentType"`
	Language    string `json:"language,omitempty"`
	Data        []byte `json:"data,omitempty"` // base64 in JSON, as FHIR wants it
	URL         string `json:"url,omitempty"`
	Title       string `json:"title"`
}

type documentContent struct {
	Attachment attachment `json:"attachment"`
}

type documentContext struct {
	Encounter []ref `json:"encounter"`
}

type documentResource struct {
	header
	Status    string            `json:"status"`
	Type      concept           `json:"type"`
	Category  []concept         `json:"category"`
	Subject   ref               `json:"subject"`
	Date      string            `json:"date"`
	Author    []ref             `json:"author,omitempty"`
	Custodian *ref              `json:"custodian,omitempty"`
	Content   []documentContent `json:"content"`
	Context   *documentContext  `json:"context,omitempty"`
}

type deviceName struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type deviceResource struct {
	header
	Status          string       `json:"status"`
	Manufacturer    string       `json:"manufacturer"`
	ManufactureDate string       `json:"manufactureDate"`
	SerialNumber    string       `json:"serialNumber"`
	DeviceName      []deviceName `json:"deviceName"`
	Type            concept      `json:"type"`
	Patient         ref          `json:"patient"`
	Note            []annotation `json:"note,omitempty"`
}

type imageSeries struct {
	UID       string  `json:"uid"`
	Number    int     `json:"number"`
	Modality  coding  `json:"modality"`
	Words     string  `json:"description"`
	Instances int     `json:"numberOfInstances"`
	BodySite  *coding `json:"bodySite,omitempty"`
	Started   string  `json:"started"`
}

type imagingStudyResource struct {
	header
	Status            string        `json:"status"`
	Modality          []coding      `json:"modality"`
	Subject           ref           `json:"subject"`
	Encounter         *ref          `json:"encounter,omitempty"`
	Started           string        `json:"started"`
	Referrer          *ref          `json:"referrer,omitempty"`
	NumberOfSeries    int           `json:"numberOfSeries"`
	NumberOfInstances int           `json:"numberOfInstances"`
	ProcedureCode     []concept     `json:"procedureCode"`
	ReasonCode        []concept     `json:"reasonCode,omitempty"`
	Description       string        `json:"description"`
	Series            []imageSeries `json:"series"`
}

type provenanceAgent struct {
	Type       concept `json:"type"`
	Who        ref     `json:"who"`
	OnBehalfOf *ref    `json:"onBehalfOf,omitempty"`
}

type provenanceResource struct {
	header
	Target   []ref             `json:"target"`
	Recorded string            `json:"recorded"`
	Activity concept           `json:"activity"`
	Agent    []provenanceAgent `json:"agent"`
}

type appointmentParticipant struct {
	Actor  ref    `json:"actor"`
	Status string `json:"status"`
}

type appointmentResource struct {
	header
	Status             string                   `json:"status"`
	CancelationReason  *concept                 `json:"cancelationReason,omitempty"`
	AppointmentType    concept                  `json:"appointmentType"`
	ReasonCode         []concept                `json:"reasonCode,omitempty"`
	Description        string                   `json:"description,omitempty"`
	Start              string                   `json:"start"`
	End                string                   `json:"end"`
	Created            string                   `json:"created"`
	PatientInstruction string                   `json:"patientInstruction,omitempty"`
	Participant        []appointmentParticipant `json:"participant"`
}

type serviceRequestResource struct {
	header
	Status             string    `json:"status"`
	Intent             string    `json:"intent"`
	Category           []concept `json:"category,omitempty"`
	Code               concept   `json:"code"`
	Subject            ref       `json:"subject"`
	AuthoredOn         string    `json:"authoredOn"`
	Requester          ref       `json:"requester"`
	Performer          []ref     `json:"performer,omitempty"`
	ReasonCode         []concept `json:"reasonCode,omitempty"`
	PatientInstruction string    `json:"patientInstruction,omitempty"`
}

type specimenCollection struct {
	Collector *ref   `json:"collector,omitempty"`
	Collected string `json:"collectedDateTime"`
}

type specimenResource struct {
	header
	Status       string             `json:"status"`
	Type         concept            `json:"type"`
	Subject      ref                `json:"subject"`
	ReceivedTime string             `json:"receivedTime"`
	Collection   specimenCollection `json:"collection"`
	Note         []annotation       `json:"note,omitempty"`
}

type answer struct {
	Words   string  `json:"valueString,omitempty"`
	Number  *int    `json:"valueInteger,omitempty"`
	Yes     *bool   `json:"valueBoolean,omitempty"`
	Choice  *coding `json:"valueCoding,omitempty"`
	AboutAt string  `json:"valueDate,omitempty"`
}

type questionItem struct {
	LinkID string   `json:"linkId"`
	Text   string   `json:"text"`
	Answer []answer `json:"answer"`
}

type questionnaireResponseResource struct {
	header
	Questionnaire string         `json:"questionnaire"`
	Status        string         `json:"status"`
	Subject       ref            `json:"subject"`
	Authored      string         `json:"authored"`
	Source        ref            `json:"source"`
	Item          []questionItem `json:"item"`
}

type coverageClass struct {
	Type  concept `json:"type"`
	Value string  `json:"value"`
	Name  string  `json:"name"`
}

type coverageResource struct {
	header
	Status       string          `json:"status"`
	Type         concept         `json:"type"`
	SubscriberID string          `json:"subscriberId"`
	Beneficiary  ref             `json:"beneficiary"`
	Relationship concept         `json:"relationship"`
	Period       period          `json:"period"`
	Payor        []ref           `json:"payor"`
	Class        []coverageClass `json:"class,omitempty"`
}

type money struct {
	Value    json.Number `json:"value"`
	Currency string      `json:"currency"`
}

type claimInsurance struct {
	Sequence int  `json:"sequence,omitempty"`
	Focal    bool `json:"focal"`
	Coverage ref  `json:"coverage"`
}

type adjudication struct {
	Category concept `json:"category"`
	Amount   money   `json:"amount"`
}

type claimItem struct {
	Sequence     int            `json:"sequence"`
	Service      concept        `json:"productOrService"`
	Serviced     string         `json:"servicedDate"`
	Net          money          `json:"net"`
	Adjudication []adjudication `json:"adjudication,omitempty"`
}

type claimResource struct {
	header
	Status    string           `json:"status"`
	Type      concept          `json:"type"`
	Use       string           `json:"use"`
	Patient   ref              `json:"patient"`
	Billable  period           `json:"billablePeriod"`
	Created   string           `json:"created"`
	Insurer   ref              `json:"insurer"`
	Provider  ref              `json:"provider"`
	Priority  concept          `json:"priority"`
	Insurance []claimInsurance `json:"insurance"`
	Item      []claimItem      `json:"item"`
	Total     money            `json:"total"`
}

type processNote struct {
	Text string `json:"text"`
}

type benefitPayment struct {
	Date   string `json:"date"`
	Amount money  `json:"amount"`
}

type benefitResource struct {
	header
	Status      string           `json:"status"`
	Type        concept          `json:"type"`
	Use         string           `json:"use"`
	Patient     ref              `json:"patient"`
	Billable    period           `json:"billablePeriod"`
	Created     string           `json:"created"`
	Insurer     ref              `json:"insurer"`
	Provider    ref              `json:"provider"`
	Claim       ref              `json:"claim"`
	Outcome     string           `json:"outcome"`
	Insurance   []claimInsurance `json:"insurance"`
	Item        []claimItem      `json:"item"`
	Total       []adjudication   `json:"total"`
	Payment     *benefitPayment  `json:"payment,omitempty"`
	ProcessNote []processNote    `json:"processNote,omitempty"`
}
