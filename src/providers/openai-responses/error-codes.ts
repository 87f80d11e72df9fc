// What the error codes mean that only the Responses endpoint has, in refusals, in `response.failed` and in `error` events.
import type { ErrorClass } from '../openai-dialect/dialect.ts'

/** The codes (`ResponseErrorCode` in OpenAI's specification, and those of replayed input) with their classes. */
export const errorCodes: Readonly<Record<string, ErrorClass>> = {
  server_error: 'server',
  vector_store_timeout: 'timeout',
  image_content_policy_violation: 'content_filter',
  invalid_image: 'bad_request',
  invalid_image_format: 'bad_request',
  invalid_base64_image: 'bad_request',
  invalid_image_url: 'bad_request',
  image_too_large: 'bad_request',
  image_too_small: 'bad_request',
  image_parse_error: 'bad_request',
  invalid_image_mode: 'bad_request',
  image_file_too_large: 'bad_request',
  unsupported_image_media_type: 'bad_request',
  empty_image_file: 'bad_request',
  failed_to_download_image: 'bad_request',
  image_file_not_found: 'bad_request',
  // Sealed reasoning of another organisation's key.
  invalid_encrypted_content: 'bad_request',
  previous_response_not_found: 'bad_request',
}
