// The tour of exai with grpc-go: EXAI_URL and EXAI_API_KEY.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/url"
	"strings"
	"time"

	exaiv1 "exai.internal/client/exai/v1"
	"exai.internal/examples/tour"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

var (
	ctx        = context.Background()
	conn       = dial(tour.URL(), tour.Token())
	chat       = exaiv1.NewChatServiceClient(conn)
	files      = exaiv1.NewFilesServiceClient(conn)
	monitoring = exaiv1.NewMonitoringServiceClient(conn)
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

func dial(address, token string) *grpc.ClientConn {
	at, err := url.Parse(address)
	tour.Check(err)
	transport := insecure.NewCredentials()
	if at.Scheme == "https" {
		transport = credentials.NewTLS(&tls.Config{})
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(transport)}
	if token != "" {
		options = append(options, grpc.WithPerRPCCredentials(bearer{token, at.Scheme == "https"}))
	}
	conn, err := grpc.NewClient(at.Host, options...)
	tour.Check(err)
	return conn
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
	tour.Check(each(events, func(event *exaiv1.StreamEvent) { text.WriteString(event.GetTextDelta().GetText()) }))
	tour.Want(strings.Contains(text.String(), "Hello!"), "the text %q", text.String())
}

// resume leaves a stream after five events, as a broken connection does, and reads on.
func resume() {
	broken, breakOff := context.WithCancel(ctx)
	events, err := chat.StreamComplete(broken, tour.Slow())
	tour.Check(err)
	var id string
	var last int32
	for last < 5 {
		event, err := events.Recv()
		tour.Check(err)
		if started := event.GetStarted(); started != nil {
			id = started.GetResponseId()
		}
		last = max(last, event.GetSequence()) // a heartbeat has none
	}
	breakOff()
	rest, err := chat.ResumeStream(ctx, &exaiv1.ResumeStreamRequest{ResponseId: id, AfterSequence: last})
	tour.Check(err)
	completed := false
	tour.Check(each(rest, func(event *exaiv1.StreamEvent) {
		if event.GetSequence() == 0 {
			return
		}
		tour.Want(event.GetSequence() == last+1, "event %d after %d", event.GetSequence(), last)
		last = event.GetSequence()
		completed = event.GetCompleted() != nil
	}))
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
	uploaded, err := upload.CloseAndRecv()
	tour.Check(err)
	id := uploaded.GetFile().GetId()
	download, err := files.DownloadFile(ctx, &exaiv1.DownloadFileRequest{FileId: id})
	tour.Check(err)
	var got []byte
	tour.Check(each(download, func(piece *exaiv1.DownloadFileResponse) { got = append(got, piece.GetChunk()...) }))
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
	first, err := states.Recv()
	tour.Check(err)
	state := first.GetStatus().GetState()
	tour.Want(state == exaiv1.HealthState_HEALTH_STATE_HEALTHY, "the state %v", state)
}

func failure() {
	request := tour.Hello()
	request.Model = "no-such-model"
	_, err := chat.Complete(ctx, request)
	tour.Want(status.Code(err) == codes.NotFound, "%v", err)
	info := errorInfo(err)
	tour.Want(info.GetReason() == exaiv1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND, "%v", info)
	tour.Want(info.GetRequestId() != "", "%v", info)
}

// errorInfo finds what exai says of an error beside its code and message; nil when it is not one of exai's.
func errorInfo(err error) *exaiv1.ErrorInfo {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*exaiv1.ErrorInfo); ok {
			return info
		}
	}
	return nil
}

func deadline() {
	short, release := context.WithTimeout(ctx, 200*time.Millisecond)
	defer release()
	_, err := chat.Complete(short, tour.WithoutWindow(tour.Slow()))
	tour.Want(status.Code(err) == codes.DeadlineExceeded, "%v", err)
}

func cancel() {
	wanted, leave := context.WithCancel(ctx)
	defer leave()
	events, err := chat.StreamComplete(wanted, tour.WithoutWindow(tour.Slow()))
	tour.Check(err)
	err = each(events, func(event *exaiv1.StreamEvent) {
		if event.GetTextDelta() != nil {
			leave()
		}
	})
	tour.Want(status.Code(err) == codes.Canceled, "%v", err)
}

// each reads a stream to its end.
func each[T any](stream grpc.ServerStreamingClient[T], do func(*T)) error {
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		do(message)
	}
}

// bearer sends a token with every call.
type bearer struct {
	token    string
	isSecure bool
}

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + b.token}, nil
}

func (b bearer) RequireTransportSecurity() bool { return b.isSecure }
