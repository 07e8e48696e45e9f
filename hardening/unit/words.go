package unit

// SplitWords splits a value as the manager splits a list of words: quotes
// group and vanish, C escapes are decoded. Reading ends where quotes do not
// balance.
func SplitWords(value string) []string {
	var words []string
	for {
		word, ok, _ := wordAndWarn(&value)
		if !ok {
			return words
		}
		words = append(words, word)
	}
}

// Expand replaces the specifiers of a value, such as %i and %t, as the manager
// would for this unit. A value that the manager would refuse stays as it is.
func (u *Unit) Expand(value string) string {
	p := parser{unit: u, opts: &u.opts, name: u.Name, path: u.Path}
	if v, ok := p.expand(value); ok {
		return v
	}
	return value
}
