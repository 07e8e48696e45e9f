package diag

import "slices"

// Code is the stable identifier of a kind of diagnostic. A code is never
// reused; `daemonize explain CODE` prints its entry.
//
//	D001-D019  YAML: syntax, keys, aliases
//	D020-D099  values: types, forms, references
//	R001-R099  rules: fields that contradict each other, risky choices
//	L001-L099  losses: what a backend cannot do
//	P001-P099  preflight: what this machine lacks
type Code string

// CodeInfo documents one code.
type CodeInfo struct {
	Code  Code
	Title string // what the code means, one line
	Help  string // why it is reported and what to do, one paragraph
}

// YAML codes.
const (
	Syntax        Code = "D001"
	Encoding      Code = "D002"
	DuplicateKey  Code = "D003"
	UnknownKey    Code = "D004"
	AliasBudget   Code = "D005"
	MergeKey      Code = "D006"
	KeyType       Code = "D007"
	TooDeep       Code = "D008"
	EmptyDocument Code = "D009"
	ControlChar   Code = "D010"
	UnknownAnchor Code = "D011"
	TooLarge      Code = "D012"
)

// yamlCodes documents the codes above; every group of codes has its table
// beside it and [Codes] joins them.
var yamlCodes = []CodeInfo{
	{Syntax, "the file is not YAML", "The YAML parser stopped here. Check indentation, unclosed quotes and brackets, and tabs used for indentation."},
	{Encoding, "the file is not UTF-8", "Specs are UTF-8 text. Convert the file, for example with iconv."},
	{DuplicateKey, "a key is given twice", "YAML does not say which of two equal keys wins, so neither is taken. Keep one."},
	{UnknownKey, "unknown key", "The key is not part of the spec vocabulary, so it would have no effect. `daemonize explain FIELD` and docs/reference.md list all keys."},
	{AliasBudget, "aliases expand too far", "The document's aliases expand to more than 10,000 nodes or refer to themselves. Write the values out."},
	{MergeKey, "bad merge key", "`<<` takes a mapping or a list of mappings."},
	{KeyType, "a key is not a plain string", "Mapping keys must be plain scalars."},
	{TooDeep, "nested too deeply", "No spec field nests more than 32 levels deep."},
	{EmptyDocument, "the file holds no daemon", "The file (or one of its documents) is empty. Start from `daemonize init`."},
	{ControlChar, "control character", "Control characters can smuggle directives into native files, so they are refused everywhere; newline and tab are allowed only inside arguments and environment values."},
	{UnknownAnchor, "unknown anchor", "The alias names an anchor that the document does not define above it."},
	{TooLarge, "the file is too large", "A spec file is at most 4 MiB."},
}

// Codes returns every code in order.
func Codes() []CodeInfo {
	return slices.Concat(yamlCodes, valueCodes, ruleCodes, lossCodes, preflightCodes)
}

// Lookup returns the documentation of a code.
func Lookup(c Code) (CodeInfo, bool) {
	for _, i := range Codes() {
		if i.Code == c {
			return i, true
		}
	}
	return CodeInfo{}, false
}
