package winsvc

import (
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc/mgr"
)

// change2 sets one of the structures that ChangeServiceConfig2W takes.
func change2[T windows.SERVICE_DESCRIPTION | windows.SERVICE_DELAYED_AUTO_START_INFO](h *mgr.Service, level uint32, info *T) error {
	return windows.ChangeServiceConfig2(h.Handle, level, (*byte)(unsafe.Pointer(info)))
}
