package diag

// Loss codes.
const (
	SecurityLoss Code = "L001"
	Loss         Code = "L002"
	Approximate  Code = "L003"
	ValueRefused Code = "L004"
	AcceptedLoss Code = "L005"
	StaleConsent Code = "L006"
	Override     Code = "L007"

	UnknownNative Code = "L008"
)

var lossCodes = []CodeInfo{
	{SecurityLoss, "a security setting would be lost", "The backend cannot enforce a setting that limits what the daemon may do. Rendering it without would run it with more privilege than declared, so nothing is rendered (exit 4) unless the spec's accept_loss or --allow-loss consents."},
	{Loss, "the backend cannot do this", "The field has no effect on this backend. Rendering goes on; --strict makes it an error."},
	{Approximate, "the backend does this only approximately", "The backend's nearest equivalent differs in the way the message describes."},
	{ValueRefused, "the backend cannot carry this value", "The native file format has no way to write the value, and a changed value would be worse than none."},
	{AcceptedLoss, "a loss that the author accepted", "The loss is listed in accept_loss or --allow-loss; it is reported so that nobody forgets it."},
	{StaleConsent, "accept_loss has an entry without effect", "Nothing is lost for this field on this backend. Remove the entry so that it cannot hide a loss later."},
	{Override, "a native override is in effect", "Keys under overrides are written as they are and are not checked against the rest of the spec."},
	{UnknownNative, "the target does not know a native override", "The backend has no such key, or not in this version, and would ignore it. Check the spelling and the version, or remove the override."},
}
