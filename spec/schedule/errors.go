package schedule

// SyntaxError says why an expression was refused and where.
type SyntaxError struct {
	Expr    string // the expression
	Offset  int    // byte offset in Expr of what is wrong; len(Expr) if something is missing
	Problem string // lower case, no full stop
	Fix     string // what to write instead; may be empty
}

// Error returns the problem and, if there is one, the fix.
func (e *SyntaxError) Error() string {
	if e.Fix == "" {
		return e.Problem
	}
	return e.Problem + "; " + e.Fix
}
