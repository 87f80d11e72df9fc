// The error answers of GLM: business codes as text under HTTP statuses that say little, as its code table has them.
import { jsonReply, type Reply } from './reply.ts'
import { type JsonObject, ShapeError, type Violation } from './shape.ts'

type ErrorRule = { readonly status: number; readonly message: string; readonly extra?: JsonObject }

const internal = (message: string): ErrorRule => ({ status: 500, message })
const unauthorized = (message: string): ErrorRule => ({ status: 401, message })
const bad = (message: string): ErrorRule => ({ status: 400, message })
/** GLM's 429 is for speed, for money, for plans and for accounts that are not in order. */
const limited = (message: string): ErrorRule => ({ status: 429, message })

/** By business code. */
const codes: Readonly<Record<string, ErrorRule>> = {
  '500': internal('Internal Error'),
  '1000': unauthorized('Authentication Failed'),
  '1001': unauthorized('Authentication parameter not received in Header, unable to authenticate'),
  '1002': unauthorized('Invalid Authentication Token, please confirm the correct transmission'),
  '1003': unauthorized('Authentication Token expired, please regenerate or obtain'),
  '1004': unauthorized('Authentication with the provided Authentication Token failed'),
  '1100': limited('Account Read/Write'),
  '1110': limited('Your account is currently inactive. Please check your account information'),
  '1111': limited('Your account does not exist'),
  '1112': limited('Your account has been locked, please contact customer service to unlock'),
  '1113': limited('Insufficient balance or no resource package. Please recharge.'),
  '1120': limited('Unable to successfully access your account, please try again later'),
  '1121': limited('Your account has been locked because of violations'),
  '1200': internal('API Call Error'),
  '1210': bad('API call parameter error, please check the documentation'),
  '1211': bad('Model does not exist, please check the model code'),
  '1212': bad('The model does not support the method'),
  '1213': bad('The parameter was not received properly'),
  '1214': bad('Invalid parameter, please check the documentation'),
  '1215': bad('Mutually exclusive parameters cannot be set at the same time'),
  '1220': { status: 434, message: 'You do not have permission to access this API' },
  '1221': bad('The API has been taken offline'),
  '1222': { status: 404, message: 'The API does not exist' },
  '1230': internal('API call process error'),
  '1231': bad('You already have a request with this request_id'),
  '1234': internal('Network error, please contact customer service'),
  '1261': bad('Prompt exceeds max length'),
  '1300': bad('API call blocked by policy'),
  '1301': {
    status: 400,
    message: 'System detected potentially unsafe or sensitive content in input or generation',
    extra: { contentFilter: [{ level: 1, role: 'user' }] },
  },
  '1302': limited('High concurrency usage of this API, please reduce concurrency'),
  '1303': limited('High frequency usage of this API, please reduce frequency'),
  '1304': limited('Daily call limit for this API reached'),
  '1305': limited('The service may be temporarily overloaded, please try again later'),
  '1308': limited('Usage limit reached for 5 hour. Your limit will reset at 2026-11-22 18:00:00'),
  '1309': limited('Your GLM Coding Plan package has expired'),
  '1310': limited('Weekly/Monthly Limit Exhausted. Your limit will reset at 2026-11-29 08:30:00'),
  '1311': limited('Your current subscription plan does not yet include access to this model'),
  '1313': limited('Your usage pattern does not comply with the Fair Usage Policy'),
}

/** Which code stands for a status when only that is asked for. */
const codeOfStatus: Readonly<Record<string, string>> = {
  '400': '1210',
  '401': '1002',
  '404': '1222',
  '429': '1302',
  '434': '1220',
}

/** How an error may be written besides the usual way. */
export type ErrorForm = {
  /** `{code,message}` and no `error` around it. */
  readonly topLevel?: boolean
  /** The code as a number. */
  readonly numberCode?: boolean
}

/** The body of an error; the message is the code's own unless it is given. */
export function glmErrorBody(code: string, message?: string, form: ErrorForm = {}): JsonObject {
  const rule = codes[code]
  const error = {
    code: form.numberCode === true ? Number(code) : code,
    message: message ?? rule?.message ?? `Status ${code}`,
  }
  return form.topLevel === true ? { ...error, ...rule?.extra } : { error, ...rule?.extra }
}

/** Makes the answer for a business code, under the status of that code. */
export const glmError = (code: string, message?: string, form: ErrorForm = {}): Reply =>
  jsonReply(codes[code]?.status ?? 500, glmErrorBody(code, message, form))

/** Makes an error answer by code, or by status; a status that has no code of its own is also the code. */
export function glmRefusal(codeOrStatus: string): Reply | undefined {
  if (codes[codeOrStatus] !== undefined) return glmError(codeOrStatus)
  const code = codeOfStatus[codeOrStatus]
  if (code !== undefined) return glmError(code)
  const status = Number(codeOrStatus)
  if (!Number.isInteger(status) || status < 200 || status > 599) return undefined
  return jsonReply(status, glmErrorBody(codeOrStatus))
}

/** Whether the table has the code. */
export const isGlmCode = (code: string): boolean => codes[code] !== undefined

const refusalOf = ({ kind, message }: Violation): Reply => {
  if (kind === 'missing') return glmError('1213', message)
  return glmError(kind === 'unknown' ? '1210' : '1214', message)
}

/** Runs a check of shape; returns the refusal for its violation: 1213 missing, 1210 unknown, 1214 all else. */
export function violationOf(check: () => void): Reply | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    if (error instanceof ShapeError) return refusalOf(error.violation)
    throw error
  }
}
