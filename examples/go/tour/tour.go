// Package tour has what both examples ask, and runs their steps.
package tour

import (
	"fmt"
	"log"
	"os"
	"slices"
	"time"

	exaiv1 "exai.internal/client/exai/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
)

// Model answers without an account. It is no model: name a real one, or "auto".
const Model = "sandbox"

// URL is where the gateway is.
func URL() string { return env("EXAI_URL", "http://127.0.0.1:8080") }

// Token is an API key or a JWT; empty for a gateway on this machine that asks for none.
func Token() string { return os.Getenv("EXAI_API_KEY") }

// Protocol is one of connect, grpc and grpc-web.
func Protocol() string { return env("EXAI_PROTOCOL", "connect") }

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// User makes a message of the user.
func User(text string) *exaiv1.Message {
	return &exaiv1.Message{Role: exaiv1.Role_ROLE_USER, Content: []*exaiv1.Part{TextPart(text)}}
}

// TextPart makes a part of a message.
func TextPart(text string) *exaiv1.Part {
	return &exaiv1.Part{Kind: &exaiv1.Part_Text{Text: text}}
}

// Hello is the shortest request.
func Hello() *exaiv1.CompleteRequest {
	return &exaiv1.CompleteRequest{Model: Model, Messages: []*exaiv1.Message{User("Hello!")}}
}

// Slow is answered for more than a second, and goes on for a minute without its caller.
func Slow() *exaiv1.CompleteRequest {
	request := Hello()
	request.ResumeWindow = durationpb.New(time.Minute)
	request.ProviderOptions = map[string]*structpb.Struct{
		"sandbox": {Fields: map[string]*structpb.Value{
			"words":    structpb.NewNumberValue(60),
			"delay_ms": structpb.NewNumberValue(20),
		}},
	}
	return request
}

// WithoutWindow is the same request, but it ends with its caller.
func WithoutWindow(request *exaiv1.CompleteRequest) *exaiv1.CompleteRequest {
	request.ResumeWindow = nil
	return request
}

// AskWeather asks something that a tool answers.
func AskWeather(more ...*exaiv1.Message) *exaiv1.CompleteRequest {
	parameters, err := structpb.NewStruct(map[string]any{
		"type":       "object",
		"properties": map[string]any{"city": map[string]any{"type": "string"}},
		"required":   []any{"city"},
	})
	Check(err)
	return &exaiv1.CompleteRequest{
		Model:    Model,
		Messages: append([]*exaiv1.Message{User("Ask weather.")}, more...),
		Tools:    []*exaiv1.Tool{{Name: "weather", Description: "The weather in a city", Parameters: parameters}},
	}
}

// AnswerTools answers each tool call of a message.
func AnswerTools(message *exaiv1.Message) *exaiv1.Message {
	told := &exaiv1.Message{Role: exaiv1.Role_ROLE_TOOL}
	for _, part := range message.GetContent() {
		if call := part.GetToolCall(); call != nil {
			result := &exaiv1.ToolResult{CallId: call.GetCallId(), Content: []*exaiv1.Part{TextPart("sunny")}}
			told.Content = append(told.Content, &exaiv1.Part{Kind: &exaiv1.Part_ToolResult{ToolResult: result}})
		}
	}
	return told
}

// Pieces are the messages of an upload: what the file is, then its bytes.
func Pieces(filename string, content []byte) []*exaiv1.UploadFileRequest {
	size := int64(len(content))
	header := &exaiv1.UploadFileHeader{Filename: filename, SizeBytes: &size}
	pieces := []*exaiv1.UploadFileRequest{{Piece: &exaiv1.UploadFileRequest_Header{Header: header}}}
	for chunk := range slices.Chunk(content, 64*1024) {
		pieces = append(pieces, &exaiv1.UploadFileRequest{Piece: &exaiv1.UploadFileRequest_Chunk{Chunk: chunk}})
	}
	return pieces
}

// Step is a part of the tour.
type Step struct {
	Name string
	Run  func()
}

// Run takes one step after another, and says so.
func Run(steps ...Step) {
	log.SetFlags(0)
	for _, step := range steps {
		log.SetPrefix(step.Name + ": ")
		step.Run()
		fmt.Println("ok", step.Name)
	}
}

// Check ends the program when something failed.
func Check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Want ends the program when something is not as it must be.
func Want(condition bool, format string, values ...any) {
	if !condition {
		log.Fatalf("not as it must be: "+format, values...)
	}
}
