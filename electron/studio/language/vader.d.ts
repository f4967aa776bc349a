/** What the studio uses of VADER; the package has no types of its own. */
declare module 'vader-sentiment' {
  const library: {
    SentimentIntensityAnalyzer: { polarity_scores(text: string): { compound: number } };
  };
  export default library;
}
