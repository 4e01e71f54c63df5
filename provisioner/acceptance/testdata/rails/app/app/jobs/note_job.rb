class NoteJob < ActiveJob::Base
  def perform(text)
    Note.create!(text: "#{text} by #{ENV.fetch("CELL")}")
  end
end
