package diag

// Rule codes are declared in this file together with their documentation.
const ()

var ruleCodes = []CodeInfo{}
