// Style sheets are imported for the bundler alone: nothing of them is a value.
declare module '*.css'
