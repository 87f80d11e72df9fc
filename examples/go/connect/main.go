// The tour of exai with connect-go: EXAI_URL, EXAI_API_KEY, and EXAI_PROTOCOL (connect, grpc or grpc-web).
package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"
	exaiv1 "exai.internal/client/exai/v1"
	"exai.internal/client/exai/v1/exaiv1connect"
	"exai.internal/examples/tour"
)

var (
	ctx        = context.Background()
	chat       = exaiv1connect.NewChatServiceClient(httpClient(), tour.URL(), options()...)
	files      = exaiv1connect.NewFilesServiceClient(httpClient(), tour.URL(), options()...)
	monitoring = exaiv1connect.NewMonitoringServiceClient(httpClient(), tour.URL(), options()...)
)

func main() {
	tour.Run(
		tour.Step{Name: "chat", Run: complete},
		tour.Step{Name: "stream", Run: stream},
		tour.Step{Name: "resume", Run: resume},
		tour.Step{Name: "tools", Run: tools},
		tour.Step{Name: "files", Run: upAndDown},
		tour.Step{Name: "watch", Run: watch},
		tour.Step{Name: "errors", Run: failure},
		tour.Step{Name: "deadline", Run: deadline},
		tour.Step{Name: "cancel", Run: cancel},
	)
}

// httpClient speaks HTTP/2 without TLS, too: gRPC needs it.
func httpClient() *http.Client {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	protocols.SetHTTP2(true)
	return &http.Client{Transport: &http.Transport{Protocols: protocols}}
}

func options() []connect.ClientOption {
	all := []connect.ClientOption{connect.WithInterceptors(bearer(tour.Token()))}
	switch tour.Protocol() {
	case "grpc":
		all = append(all, connect.WithGRPC())
	case "grpc-web":
		all = append(all, connect.WithGRPCWeb())
	}
	return all
}

func complete() {
	answer, err := chat.Complete(ctx, tour.Hello())
	tour.Check(err)
	tour.Want(answer.GetMessage().GetContent()[0].GetText() != "", "the answer %v", answer)
	tour.Want(answer.GetCost().GetKnown(), "the cost %v", answer.GetCost())
}

func stream() {
	events, err := chat.StreamComplete(ctx, tour.Hello())
	tour.Check(err)
	var text strings.Builder
	for events.Receive() {
		text.WriteString(events.Msg().GetTextDelta().GetText())
	}
	tour.Check(events.Err())
	tour.Want(strings.Contains(text.String(), "Hello!"), "the text %q", text.String())
}

// resume leaves a stream after five events, as a broken connection does, and reads on.
func resume() {
	broken, breakOff := context.WithCancel(ctx)
	events, err := chat.StreamComplete(broken, tour.Slow())
	tour.Check(err)
	var id string
	var last int32
	for last < 5 && events.Receive() {
		event := events.Msg()
		if started := event.GetStarted(); started != nil {
			id = started.GetResponseId()
		}
		last = max(last, event.GetSequence()) // a heartbeat has none
	}
	breakOff()
	rest, err := chat.ResumeStream(ctx, &exaiv1.ResumeStreamRequest{ResponseId: id, AfterSequence: last})
	tour.Check(err)
	completed := false
	for rest.Receive() {
		event := rest.Msg()
		if event.GetSequence() == 0 {
			continue
		}
		tour.Want(event.GetSequence() == last+1, "event %d after %d", event.GetSequence(), last)
		last = event.GetSequence()
		completed = event.GetCompleted() != nil
	}
	tour.Check(rest.Err())
	tour.Want(completed && last > 5, "the end at %d", last)
}

func tools() {
	asked, err := chat.Complete(ctx, tour.AskWeather())
	tour.Check(err)
	tour.Want(asked.GetFinishReason() == exaiv1.FinishReason_FINISH_REASON_TOOL_CALLS, "%v", asked.GetFinishReason())
	answer, err := chat.Complete(ctx, tour.AskWeather(asked.GetMessage(), tour.AnswerTools(asked.GetMessage())))
	tour.Check(err)
	text := answer.GetMessage().GetContent()[0].GetText()
	tour.Want(strings.Contains(text, "sunny"), "the text %q", text)
}

func upAndDown() {
	content := bytes.Repeat([]byte("A line of the file.\n"), 10_000)
	upload, err := files.UploadFile(ctx)
	tour.Check(err)
	for _, piece := range tour.Pieces("lines.txt", content) {
		if upload.Send(piece) != nil {
			break // It was refused; the answer says why.
		}
	}
	uploaded, err := upload.CloseAndReceive()
	tour.Check(err)
	id := uploaded.GetFile().GetId()
	download, err := files.DownloadFile(ctx, &exaiv1.DownloadFileRequest{FileId: id})
	tour.Check(err)
	var got []byte
	for download.Receive() {
		got = append(got, download.Msg().GetChunk()...)
	}
	tour.Check(download.Err())
	tour.Want(bytes.Equal(got, content), "%d bytes", len(got))
	_, err = files.DeleteFile(ctx, &exaiv1.DeleteFileRequest{FileId: id})
	tour.Check(err)
}

// watch gets the state as it is now, and would get each change of it.
func watch() {
	watching, enough := context.WithCancel(ctx)
	defer enough()
	states, err := monitoring.WatchStatus(watching, &exaiv1.WatchStatusRequest{})
	tour.Check(err)
	tour.Want(states.Receive(), "%v", states.Err())
	state := states.Msg().GetStatus().GetState()
	tour.Want(state == exaiv1.HealthState_HEALTH_STATE_HEALTHY, "the state %v", state)
}

func failure() {
	request := tour.Hello()
	request.Model = "no-such-model"
	_, err := chat.Complete(ctx, request)
	tour.Want(connect.CodeOf(err) == connect.CodeNotFound, "%v", err)
	info := errorInfo(err)
	tour.Want(info.GetReason() == exaiv1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND, "%v", info)
	tour.Want(info.GetRequestId() != "", "%v", info)
}

// errorInfo finds what exai says of an error beside its code and message; nil when it is not one of exai's.
func errorInfo(err error) *exaiv1.ErrorInfo {
	var failure *connect.Error
	if !errors.As(err, &failure) {
		return nil
	}
	for _, detail := range failure.Details() {
		if value, err := detail.Value(); err == nil {
			if info, ok := value.(*exaiv1.ErrorInfo); ok {
				return info
			}
		}
	}
	return nil
}

func deadline() {
	short, release := context.WithTimeout(ctx, 200*time.Millisecond)
	defer release()
	_, err := chat.Complete(short, tour.WithoutWindow(tour.Slow()))
	tour.Want(connect.CodeOf(err) == connect.CodeDeadlineExceeded, "%v", err)
}

func cancel() {
	wanted, leave := context.WithCancel(ctx)
	defer leave()
	events, err := chat.StreamComplete(wanted, tour.WithoutWindow(tour.Slow()))
	tour.Check(err)
	for events.Receive() {
		if events.Msg().GetTextDelta() != nil {
			leave()
		}
	}
	tour.Want(connect.CodeOf(events.Err()) == connect.CodeCanceled, "%v", events.Err())
}

// bearer sends a token with every call.
type bearer string

func (b bearer) add(header http.Header) {
	if b != "" {
		header.Set("Authorization", "Bearer "+string(b))
	}
}

func (b bearer) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		b.add(request.Header())
		return next(ctx, request)
	}
}

func (b bearer) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		conn := next(ctx, spec)
		b.add(conn.RequestHeader())
		return conn
	}
}

func (b bearer) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}
