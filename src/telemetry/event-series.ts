// Turns what happens beside calls into numbers: limits that refuse, what becomes of files, and alerts.
import type { EventSink, LimitEvent } from '../core/gateway-event.ts'
import type { LimitOwner } from './metric-labels.ts'
import type { Metrics } from './metrics.ts'

/** Makes a listener that counts. */
export function createCounting(metrics: Pick<Metrics, 'limitMet' | 'fileChanged' | 'bindAlerts'>): EventSink {
  const alerts = new Map<string, { readonly severity: 'critical' | 'warning' }>()
  metrics.bindAlerts(() => [...alerts.values()])
  return event => {
    switch (event.type) {
      case 'limit.refused':
        return metrics.limitMet(event.kind, ownerOf(event), 'refused')
      case 'limit.near':
        return metrics.limitMet(event.kind, ownerOf(event), 'near')
      case 'file.changed':
        return metrics.fileChanged(event.action, event.sizeBytes)
      case 'alert.began':
      case 'alert.ended': {
        const { name, tenant, provider, model } = event
        const id = JSON.stringify([name, tenant, provider, model])
        if (event.type === 'alert.ended') alerts.delete(id)
        else alerts.set(id, { severity: event.isGrave ? 'critical' : 'warning' })
        return
      }
      default:
        return
    }
  }
}

function ownerOf({ tenant, owner = '', model }: LimitEvent): LimitOwner {
  if (tenant !== '') return owner === '' ? 'tenant' : 'key'
  return model === undefined ? 'gateway' : 'model'
}
