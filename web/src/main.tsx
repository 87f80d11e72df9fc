// The page of the gateway: starts what it is made of and puts it into the document.
import 'uplot/dist/uPlot.min.css'
import '../style/palette.css'
import '../style/base.css'
import '../style/badges.css'
import '../style/controls.css'
import '../style/frame.css'
import '../style/overview.css'
import '../style/providers.css'
import '../style/lists.css'
import '../style/playground.css'
import '../style/narrow.css'
import { render } from 'preact'
import { followAddress } from './place.ts'
import { ask } from './session.ts'
import { Shell } from './shell.tsx'

const root = document.getElementById('page')
if (root !== null) {
  followAddress()
  render(<Shell />, root)
  void ask()
}
